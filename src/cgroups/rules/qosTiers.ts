import { cpuShares, MIN_SHARES } from '../../k8s/cpuShares.ts';
import { podRequests } from '../../k8s/podResources.ts';
import { podQOS } from '../../k8s/qos.ts';
import { milliValue, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { Pod } from '../../types/k8s.ts';
import { type ResourceConfig, UNBOUNDED } from './resourceConfig.ts';

/** What Pods request that run or are being run, by QoS class, as far as the classes' cgroups depend on it. */
export interface QosDemand {
  /** Thousandths of a core. */
  readonly burstableMilliCPU: number;
  /** Bytes. */
  readonly guaranteedMemory: number;
  readonly burstableMemory: number;
}

/** The demand of no Pods. */
export const NO_DEMAND: QosDemand = { burstableMilliCPU: 0, guaranteedMemory: 0, burstableMemory: 0 };

/** What is kept for whom, by feature gates that are off unless somebody turns them on. */
export interface QosSettings {
  /** MemoryQoS on cgroup v2: whether requests are kept from being reclaimed (memoryReservationPolicy). */
  readonly tieredReservation?: boolean;
  /** QOSReserved: the percentage of memory requests that lower classes may not use (qosReserved). */
  readonly reservedPercent?: number;
  /** Bytes of the node's memory that are not kept for the system. */
  readonly allocatableMemory: number;
}

/** The cgroups of QoS classes and what to write into them; Guaranteed Pods' is the one of all Pods. */
export interface QosConfigs {
  readonly Guaranteed?: ResourceConfig;
  readonly Burstable: ResourceConfig;
  readonly BestEffort: ResourceConfig;
}

/** One Pod's part of the demand. */
export function demandOf(pod: Pod): QosDemand {
  const qos = podQOS(pod);
  if (qos === 'BestEffort') return NO_DEMAND;
  const requests = podRequests(pod);
  const memory = wholeValue(requests.get('memory') ?? 0n);
  if (qos === 'Guaranteed') return { ...NO_DEMAND, guaranteedMemory: memory };
  return { ...NO_DEMAND, burstableMilliCPU: milliValue(requests.get('cpu') ?? 0n), burstableMemory: memory };
}

/** What all of them ask for together. */
export function addDemands(all: Iterable<QosDemand>): QosDemand {
  let sum = NO_DEMAND;
  for (const one of all)
    sum = {
      burstableMilliCPU: sum.burstableMilliCPU + one.burstableMilliCPU,
      guaranteedMemory: sum.guaranteedMemory + one.guaranteedMemory,
      burstableMemory: sum.burstableMemory + one.burstableMemory,
    };
  return sum;
}

/** Whether both ask for the same. */
export function sameDemand(a: QosDemand | undefined, b: QosDemand | undefined): boolean {
  return (
    a?.burstableMilliCPU === b?.burstableMilliCPU &&
    a?.guaranteedMemory === b?.guaranteedMemory &&
    a?.burstableMemory === b?.burstableMemory
  );
}

/**
 * The limits of the classes' cgroups (UpdateCgroups of pkg/kubelet/cm/qos_container_manager_linux.go): CPU weight, huge pages without
 * bound, and what the settings keep of memory. Without a demand, when Pods that run are not known yet, nothing that depends on it is
 * touched.
 */
export function qosConfigs(
  demand: QosDemand | undefined,
  settings: QosSettings,
  pageSizes: readonly number[],
): QosConfigs {
  const hugePages = new Map(pageSizes.map((size) => [size, UNBOUNDED]));
  const bestEffort = { cpuShares: MIN_SHARES, hugePages };
  if (!demand) return { Burstable: { hugePages }, BestEffort: bestEffort };
  const protection = protectionOf(demand, settings);
  const bounds = boundsOf(demand, settings);
  return {
    ...(protection && { Guaranteed: { protection: { min: protection.min } } }),
    Burstable: {
      cpuShares: cpuShares(demand.burstableMilliCPU),
      hugePages,
      ...(protection && { protection: { low: protection.low } }),
      ...(bounds && { memory: bounds.burstable }),
    },
    BestEffort: { ...bestEffort, ...(bounds && { memory: bounds.bestEffort }) },
  };
}

/** A parent's protection must cover its children's: the cgroup of all Pods has that of both classes. */
function protectionOf(
  { guaranteedMemory, burstableMemory }: QosDemand,
  { tieredReservation }: QosSettings,
): { min: number; low: number } | undefined {
  if (tieredReservation === undefined) return undefined;
  return tieredReservation ? { min: guaranteedMemory + burstableMemory, low: burstableMemory } : { min: 0, low: 0 };
}

function boundsOf(
  { guaranteedMemory, burstableMemory }: QosDemand,
  { reservedPercent, allocatableMemory }: QosSettings,
): { burstable: number; bestEffort: number } | undefined {
  if (reservedPercent === undefined || allocatableMemory === 0) return undefined;
  const share = (bytes: number) => Number((BigInt(bytes) * BigInt(reservedPercent)) / 100n);
  const burstable = allocatableMemory - share(guaranteedMemory);
  return { burstable, bestEffort: burstable - share(burstableMemory) };
}

/** The same with bounds that are met: memory that is used already cannot be taken back, but it shall not become more. */
export function raisedTo(
  configs: QosConfigs,
  usage: { readonly Burstable: number; readonly BestEffort: number },
): QosConfigs {
  const raised = (qos: 'Burstable' | 'BestEffort'): ResourceConfig => {
    const { memory } = configs[qos];
    return memory !== undefined && usage[qos] > memory ? { ...configs[qos], memory: usage[qos] } : configs[qos];
  };
  return { ...configs, Burstable: raised('Burstable'), BestEffort: raised('BestEffort') };
}
