import type { MemoryReservation } from '../rules/memory/reserved.ts';

/** What the configuration says of the managers of CPUs, memory and topology (KubeletConfiguration's names and values). */
export interface ManagerSettings {
  readonly cpuManagerPolicy: string;
  readonly cpuManagerPolicyOptions: Readonly<Record<string, string>>;
  readonly memoryManagerPolicy: string;
  readonly reservedMemory: readonly MemoryReservation[];
  readonly topologyManagerPolicy: string;
  readonly topologyManagerScope: string;
  readonly topologyManagerPolicyOptions: Readonly<Record<string, string>>;
  /** Empty: as many CPUs as the reservation of CPU says. */
  readonly reservedSystemCPUs: string;
}

/** What is kept back from Pods: kube and system reservation, of memory also the hard eviction threshold. */
export interface Reservation {
  /** Thousandths of a core. */
  readonly cpuMilli: bigint;
  /** Bytes. */
  readonly memory: bigint;
}

/** Feature gates that the managers ask. */
export interface ManagerGates {
  readonly cpuAlphaOptions: boolean;
  readonly cpuBetaOptions: boolean;
  /** DisableCPUQuotaWithExclusiveCPUs. */
  readonly noQuotaWithOwnCpus: boolean;
  /** PodLevelResourceManagers. */
  readonly podLevel: boolean;
}

/** Whether any manager does anything, so that the machine's topology must be known. */
export function anyManager(settings: ManagerSettings): boolean {
  const { cpuManagerPolicy, memoryManagerPolicy, topologyManagerPolicy } = settings;
  return cpuManagerPolicy !== 'none' || memoryManagerPolicy !== 'None' || topologyManagerPolicy !== 'none';
}
