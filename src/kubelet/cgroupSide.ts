import type { CgroupManager } from '../cgroups/contract.ts';
import { detectHierarchies } from '../cgroups/hierarchies.ts';
import { createCgroupManager } from '../cgroups/manager.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { KubeletOptions } from '../config/options.ts';
import type { Cri } from '../cri/client.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { MachineFacts } from '../node/types.ts';

/** The cgroup manager with the driver that the runtime uses: its answer wins over the configuration (KEP-4033). */
export async function makeCgroups(
  config: KubeletConfiguration,
  _options: KubeletOptions,
  cri: Cri,
  machine: MachineFacts,
  log: Logger,
): Promise<CgroupManager> {
  const hierarchies = await detectHierarchies();
  if (hierarchies.version === 1 && config.failCgroupV1) {
    throw new KubeletError(
      'kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is in maintenance mode; set failCgroupV1: false to run here',
      { code: 'CgroupV1' },
    );
  }
  const manager = createCgroupManager({
    hierarchies,
    driver: await driverOf(cri, config, log),
    cgroupRoot: config.cgroupRoot,
    settings: {
      cpuCFSQuota: config.cpuCFSQuota,
      cpuCFSQuotaPeriod: config.cpuCFSQuotaPeriod * 1000,
      podPidsLimit: config.podPidsLimit,
    },
  });
  const capacity = { cpu: String(machine.cores), memory: String(machine.memoryBytes) };
  const reserved = [config.kubeReserved ?? {}, config.systemReserved ?? {}];
  await manager.setUpNode({ capacity, reserved, enforcePods: config.enforceNodeAllocatable.includes('pods') });
  return manager;
}

async function driverOf(cri: Cri, config: KubeletConfiguration, log: Logger): Promise<'cgroupfs' | 'systemd'> {
  const configured = config.cgroupDriver as 'cgroupfs' | 'systemd';
  try {
    const answer = await cri.runtimeConfig({ timeoutMs: 10_000 });
    if (answer.linux?.cgroupDriver === 'SYSTEMD') return 'systemd';
    if (answer.linux) return 'cgroupfs';
  } catch (error) {
    log.warn('the runtime does not tell its cgroup driver; the configured one is used', {
      driver: configured,
      error: errorMessage(error),
    });
  }
  return configured;
}
