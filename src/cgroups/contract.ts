import type { AllocatedPod, Pod } from '../types/k8s.ts';
import type { CgroupDriver, CgroupName } from './rules/names.ts';
import type { NodeLimits } from './rules/nodeConfig.ts';
import type { QosDemand, QosSettings } from './rules/qosTiers.ts';
import type { ResourceConfig } from './rules/resourceConfig.ts';

/** A Pod's cgroup, by name. */
export interface PodCgroup {
  readonly uid: string;
  readonly name: CgroupName;
  /** Below each hierarchy's mount point. */
  readonly path: string;
  /** LinuxPodSandboxConfig.cgroup_parent. */
  readonly cgroupParent: string;
}

/** What the kernel enforces now; for the status of a resized Pod. */
export interface ActualLimits {
  readonly cpuShares: number;
  /** Microseconds; -1 without a limit. */
  readonly cpuQuota: number;
  readonly cpuPeriod: number;
  /** Bytes; undefined without a limit or without the memory controller. */
  readonly memory?: number;
}

/**
 * The cgroups that belong to the kubelet: the parent of all Pods, the QoS classes, and one for each Pod. What is below a Pod's is the
 * runtime's. Every method may be called again after a crash or failure. Errors are KubeletErrors with code `Cgroup`, or carry the
 * errno of the write that failed.
 */
export interface CgroupManager {
  readonly version: 1 | 2;
  readonly driver: CgroupDriver;
  /** Huge page sizes of the machine in bytes. */
  readonly hugePageSizes: readonly number[];
  /** What is kept for QoS classes. */
  readonly qos: QosSettings;
  /** Creates the node's and the QoS cgroups and writes their limits. EBUSY: Pods use more memory than the new limit; try again later. */
  setUpNode(limits: NodeLimits): Promise<void>;
  /** Names only, for Pods that exist and for those that do not. */
  podCgroup(pod: Pod): PodCgroup;
  /** Creates the Pod's cgroup if needed and writes its limits. `exclusiveCPUs`: some container has CPUs of its own. */
  ensurePod(pod: AllocatedPod, exclusiveCPUs?: boolean): Promise<PodCgroup>;
  /** The limits that `ensurePod` writes. */
  podConfig(pod: AllocatedPod, exclusiveCPUs?: boolean): ResourceConfig;
  /** Writes limits into a cgroup that exists: a resize in steps, or a reserved cgroup of the system. ENOENT if it does not exist. */
  apply(name: CgroupName, config: ResourceConfig): Promise<void>;
  /** Least CPU weight for a Pod that should be gone but whose volumes are not. */
  reduceCpu(name: CgroupName): Promise<void>;
  /**
   * Sets the limits of the QoS classes' cgroups by what Pods request. Cheap to call at every change: equal values are dropped, and of those
   * that come during a write only the last one is written.
   */
  updateQos(demand: QosDemand): Promise<void>;
  /** Writes the same once more: others may have changed them. */
  refreshQos(): Promise<void>;
  /** Kills what is left in it and removes it with all children, in every hierarchy. Fine if there is none. */
  destroy(name: CgroupName, signal: AbortSignal): Promise<void>;
  /** Pod cgroups that exist in any hierarchy; a UID comes twice if it is in two QoS classes. */
  listPods(): Promise<PodCgroup[]>;
  /** Processes in the cgroup and below it, sorted. */
  pids(name: CgroupName): Promise<number[]>;
  /** Bytes of memory that are used in the cgroup, caches included; 0 without the memory controller. ENOENT if it does not exist. */
  memoryUsage(name: CgroupName): Promise<number>;
  /** ENOENT if it does not exist. */
  readLimits(name: CgroupName): Promise<ActualLimits>;
}
