import type { FeatureGates } from '../config/featureGates.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import { ConfigurationError } from '../config/problem.ts';
import { reservedLists } from '../config/reservations.ts';
import { hostProblems } from '../config/validate.ts';
import type { Cri } from '../cri/client.ts';
import { isUnimplemented } from '../cri/error.ts';
import type { NodeEvent } from '../events/event.ts';
import type { Metrics } from '../k8s/metrics/metrics.ts';
import { formatQuantity, quantityOf } from '../k8s/quantity.ts';
import { type Clock, sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import { pidLimit } from '../lib/linux/pidLimit.ts';
import type { Logger } from '../lib/logger.ts';
import type { CgroupManager } from './contract.ts';
import { detectHierarchies } from './hierarchies.ts';
import { createCgroupManager } from './manager.ts';
import { enforceReserved } from './reserved.ts';
import { allocatableMemory, type NodeLimits } from './rules/nodeConfig.ts';
import { qosSettings } from './rules/qosSettings.ts';
import { withoutPodCgroups } from './withoutPodCgroups.ts';

/** Pause between two questions for the runtime's cgroup driver, as in kubelet. */
const DRIVER_PAUSE_MS = 2_000;

/** The Kubernetes version from which on a runtime must tell its cgroup driver (KEP-4033), as kubelet 1.36 names it. */
const LOSING_SUPPORT = '1.37.0';

/** kubelet's words at each start. */
const CGROUP_V1: NodeEvent = {
  type: 'Warning',
  reason: 'CgroupV1',
  message:
    'cgroup v1 detected. cgroup v1 support is deprecated and will be removed in a future release. Please migrate to cgroup v2.' +
    ' More information at https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1',
};

/** What the node's cgroups are limited by. */
export interface MachineCapacity {
  readonly cores: number;
  readonly memoryBytes: number;
  /** Bytes by page size in bytes. */
  readonly hugePages: Readonly<Record<string, number>>;
}

export interface OpenCgroupsOptions {
  readonly config: KubeletConfiguration;
  readonly gates: FeatureGates;
  readonly cri: Cri;
  readonly machine: MachineCapacity;
  readonly log: Logger;
  readonly record: (event: NodeEvent) => void;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** The cgroup manager with the driver that the runtime uses: its answer wins over the configuration (KEP-4033). */
export async function openCgroups(options: OpenCgroupsOptions): Promise<CgroupManager> {
  const { config, gates, cri, machine, log, record, clock, metrics } = options;
  const hierarchies = await detectHierarchies();
  metrics.gauge('kubelet_cgroup_version').set(hierarchies.version);
  if (hierarchies.version === 1) record(CGROUP_V1);
  const problems = hostProblems(config, { cgroupV2: hierarchies.version === 2 });
  if (problems.length > 0) throw new ConfigurationError(problems);
  const hugePages = Object.entries(machine.hugePages).map(
    ([size, bytes]) => [`hugepages-${formatQuantity(quantityOf(BigInt(size), 'BinarySI'))}`, String(bytes)] as const,
  );
  const pids = await pidLimit();
  const capacity = {
    cpu: String(machine.cores),
    memory: String(machine.memoryBytes),
    ...(pids === undefined ? {} : { pid: String(pids) }),
    ...Object.fromEntries(hugePages),
  };
  const { kubeReserved, systemReserved } = reservedLists(config);
  const reserved = [kubeReserved, systemReserved];
  const limits = { capacity, reserved, enforcePods: config.enforceNodeAllocatable.includes('pods') };
  const qos = qosSettings(config, gates, hierarchies.version, allocatableMemory(limits));
  const made = createCgroupManager({
    hierarchies,
    driver: await driverOf(cri, config, { clock, log, metrics }),
    cgroupRoot: config.cgroupRoot,
    settings: {
      cpuCFSQuota: config.cpuCFSQuota,
      cpuCFSQuotaPeriod: config.cpuCFSQuotaPeriod * 1000,
      podPidsLimit: config.podPidsLimit,
      tieredReservation: qos.tieredReservation === true,
    },
    qos,
  });
  const manager = config.cgroupsPerQOS ? made : withoutPodCgroups(made);
  if (config.cgroupsPerQOS) await setUp(manager, limits, log, record);
  await enforceReserved(config, manager, record);
  return manager;
}

/** Pods of before may use more memory than the new limit allows: that is told and tried again, never fatal. */
async function setUp(
  manager: CgroupManager,
  limits: NodeLimits,
  log: Logger,
  record: (event: NodeEvent) => void,
): Promise<void> {
  try {
    await manager.setUpNode(limits);
    const message = 'Updated Node Allocatable limit across pods';
    record({ type: 'Normal', reason: 'NodeAllocatableEnforced', message });
  } catch (error) {
    if (errnoCode(error) !== 'EBUSY') throw error;
    const message = `Failed to update Node Allocatable Limits: ${errorMessage(error)}; tried again in a minute`;
    record({ type: 'Warning', reason: 'FailedNodeAllocatableEnforcement', message });
    setTimeout(() => void setUp(manager, limits, log, record).catch((e) => log.error(errorMessage(e))), 60_000).unref();
  }
}

/**
 * The runtime's cgroup driver; the configured one only if the runtime cannot say. A runtime that is not up yet is waited for: with the
 * wrong driver two managers would share a machine's cgroups until the next start.
 */
export async function driverOf(
  cri: Pick<Cri, 'runtimeConfig'>,
  config: Pick<KubeletConfiguration, 'cgroupDriver'>,
  { clock, log, metrics }: Pick<OpenCgroupsOptions, 'clock' | 'log' | 'metrics'>,
): Promise<'cgroupfs' | 'systemd'> {
  const configured = config.cgroupDriver as 'cgroupfs' | 'systemd';
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await cri.runtimeConfig({ timeoutMs: 10_000 });
      if (!answer.linux) return configured;
      const driver = answer.linux.cgroupDriver === 'SYSTEMD' ? 'systemd' : 'cgroupfs';
      log.info('the cgroup driver is the one that the runtime names', { driver });
      return driver;
    } catch (error) {
      if (isUnimplemented(error)) {
        log.warn('the runtime cannot tell its cgroup driver; the configured one is used', { driver: configured });
        metrics.gauge('kubelet_cri_losing_support').set(1, { version: LOSING_SUPPORT });
        return configured;
      }
      if (attempt === 1)
        log.warn('the runtime does not answer; waiting for it, as cgroups are made in its way', {
          error: errorMessage(error),
        });
      await sleep(clock, DRIVER_PAUSE_MS);
    }
  }
}
