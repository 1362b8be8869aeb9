import { readFile } from 'node:fs/promises';
import type { FeatureGates } from '../config/featureGates.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { Cri } from '../cri/client.ts';
import { CONTAINER_NAME_LABEL, POD_UID_LABEL } from '../cri/convert.ts';
import { parseCpuList } from '../k8s/cpuList.ts';
import type { ManagerCounters } from '../ledger/managers/counters.ts';
import { Managers } from '../ledger/managers/managers.ts';
import { anyManager } from '../ledger/managers/settings.ts';
import type { DeviceProviders } from '../ledger/rules/topology/hints.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { readTopology } from './readTopology.ts';
import { keptBack } from './rules/capacity.ts';
import type { MachineFacts, NodeSettings } from './types.ts';

export interface OpenManagersOptions {
  readonly config: KubeletConfiguration;
  readonly gates: FeatureGates;
  readonly settings: NodeSettings;
  readonly machine: MachineFacts;
  readonly rootDir: string;
  readonly cri: Cri;
  readonly clock: Clock;
  readonly log: Logger;
  readonly counters: ManagerCounters;
  /** Who gives devices. */
  readonly devices: DeviceProviders;
}

/**
 * The managers of CPUs, memory and topology as they are configured. The machine's topology is read only if one of them needs it. Rejects
 * with Go's refusal when configuration, machine and state files do not fit.
 */
export async function openManagers(options: OpenManagersOptions): Promise<Managers> {
  const { config, gates, settings, machine, rootDir, cri, clock, log, counters, devices } = options;
  await refuseUnknownCpus(config.reservedSystemCPUs);
  const managers = {
    cpuManagerPolicy: config.cpuManagerPolicy,
    cpuManagerPolicyOptions: config.cpuManagerPolicyOptions,
    memoryManagerPolicy: config.memoryManagerPolicy,
    reservedMemory: config.reservedMemory,
    topologyManagerPolicy: config.topologyManagerPolicy,
    topologyManagerScope: config.topologyManagerScope,
    topologyManagerPolicyOptions: config.topologyManagerPolicyOptions,
    reservedSystemCPUs: config.reservedSystemCPUs,
  };
  return Managers.open({
    ...{ rootDir, log, counters, devices, settings: managers },
    gates: {
      cpuAlphaOptions: gates.enabled('CPUManagerPolicyAlphaOptions'),
      cpuBetaOptions: gates.enabled('CPUManagerPolicyBetaOptions'),
      noQuotaWithOwnCpus: gates.enabled('DisableCPUQuotaWithExclusiveCPUs'),
      podLevel: gates.enabled('PodLevelResourceManagers') && gates.enabled('PodLevelResources'),
    },
    reservation: keptBack(machine, settings),
    topology: anyManager(managers) ? await readTopology() : null,
    now: () => clock.now().mono,
    find: async () => {
      const known = await cri.listContainers({}, { timeoutMs: 10_000 });
      return (id) => {
        const labels = known.find((container) => container.id === id)?.labels;
        const [uid, name] = [labels?.[POD_UID_LABEL], labels?.[CONTAINER_NAME_LABEL]];
        return uid === undefined || name === undefined ? undefined : { uid, name };
      };
    },
  });
}

async function refuseUnknownCpus(reserved: string): Promise<void> {
  if (reserved === '') return;
  const online = (await readFile('/sys/devices/system/cpu/online', 'utf8')).trim();
  const known = new Set(parseCpuList(online));
  if (parseCpuList(reserved).every((cpu) => known.has(cpu))) return;
  throw new Error(`reserved-cpus: ${reserved} is not a subset of online-cpus: ${online}`);
}
