import type { ImageSpec } from '../../cri/generated/runtime.ts';
import type { DeviceSettings } from '../../devices/rules/runOptions.ts';
import type { UserNamespaceIds } from '../../userns/rules/mappingsFile.ts';
import type { DnsInputs } from './dns.ts';
import type { ResolvedVariable } from './envTypes.ts';
import type { MemoryQoSSettings } from './memoryQoS.ts';
import type { RunAsUser } from './runAsNonRoot.ts';

// What the requests to the runtime are made of besides the Pod, all of it plain data that the actions fill in.

/** Facts and settings of the node. They change only with the machine or the configuration, and are shared by all Pods. */
export interface SpecNode {
  readonly cgroupVersion: 1 | 2;
  /** KubeletConfiguration cpuCFSQuota. */
  readonly cpuCFSQuota: boolean;
  /** KubeletConfiguration cpuCFSQuotaPeriod in microseconds. */
  readonly cpuCFSQuotaPeriod: number;
  /** The machine's memory and swap in bytes, before any reservation. */
  readonly memoryCapacity: number;
  readonly swapCapacity: number;
  /** Sizes that the kernel supports, as the runtime writes them: `2MB`, `1GB`. */
  readonly hugePageSizes: readonly string[];
  /** KubeletConfiguration singleProcessOOMKill; when it is not set, true with cgroup v1 and false with v2. */
  readonly singleProcessOOMKill: boolean;
  /** Whether the cgroup that the kubelet runs in has memory.swap.max (v1: memory.memsw.limit_in_bytes exists). */
  readonly swapControllerAvailable: boolean;
  /** KubeletConfiguration memorySwap.swapBehavior; empty means NoSwap. */
  readonly swapBehavior: 'NoSwap' | 'LimitedSwap' | '';
  /** Those of `/sys/devices/system/cpu/cpuN/thermal_throttle` that exist, N over the possible CPUs. */
  readonly thermalThrottlePaths: readonly string[];
  readonly seLinuxEnabled: boolean;
  /** KubeletConfiguration seccompDefault. */
  readonly seccompDefault: boolean;
  /** `<root>/seccomp`. */
  readonly seccompRoot: string;
  /** KubeletConfiguration podLogsDir, no slash at the end. */
  readonly podLogsRoot: string;
  /** Set with the feature gate MemoryQoS (alpha, off). */
  readonly memoryQoS?: MemoryQoSSettings;
  /** Feature gate ContainerStopSignals (alpha, off). */
  readonly containerStopSignals: boolean;
}

/** What holds for the sandbox and every container of one Pod. */
export interface SpecPod {
  readonly node: SpecNode;
  /** Name that the cgroup driver understands, as from the cgroups module. */
  readonly cgroupParent: string;
  /** Needed with hostUsers: false, else null. */
  readonly userNamespace: UserNamespaceIds | null;
  /** Groups of the Pod's persistent volumes (annotation pv.beta.kubernetes.io/gid). */
  readonly volumeGroups: readonly number[];
}

/** What a sandbox is made of. */
export interface SandboxContext extends SpecPod {
  /** 0 for a Pod's first sandbox, then one more each time. */
  readonly attempt: number;
  readonly dns: DnsInputs;
  /** Whether any container of the Pod has CPUs of its own; its sandbox is not throttled then. */
  readonly exclusiveCPUs: boolean;
}

/** A mounted volume. Image volumes are not in this list, the runtime mounts them itself. */
export interface SpecVolume {
  /** Where the volume is on the node. */
  readonly hostPath: string;
  /** True when the volume's type or source allows no writing. */
  readonly readOnly: boolean;
  /** True when the runtime may and must relabel the files: a managed volume of a type with SELinux, not labelled by its mount. */
  readonly seLinuxRelabel: boolean;
}

/** A mapped block volume. */
export interface MappedDevice {
  /** The link to the device on the node; null while it does not exist, which leaves the device out. */
  readonly hostPath: string | null;
  readonly readOnly: boolean;
}

/** What a container is made of. */
export interface ContainerContext extends SpecPod {
  readonly restartCount: number;
  /** The reference under which the runtime knows the pulled image. */
  readonly imageRef: string;
  readonly imageUser: RunAsUser;
  /** From resolveEnv. */
  readonly env: readonly ResolvedVariable[];
  /** In the order of status.podIPs. */
  readonly podIPs: readonly string[];
  /** `<root>/pods/<uid>`; its etc-hosts file is to be written before the container starts. */
  readonly podDir: string;
  /** By volume name. */
  readonly volumes: ReadonlyMap<string, SpecVolume>;
  /** Where the volume mounts with a subPath were bound, by index in volumeMounts. */
  readonly subPaths: ReadonlyMap<number, string>;
  /** Block volumes by volume name. */
  readonly blockDevices: ReadonlyMap<string, MappedDevice>;
  /** Pulled images of image volumes by volume name. */
  readonly imageVolumes: ReadonlyMap<string, ImageSpec>;
  /** RecursiveReadOnlyMounts of the runtime handler's features. */
  readonly supportsRecursiveReadOnly: boolean;
  /** The file made for this start, mode 0666; null when there is none, which leaves the mount out. */
  readonly terminationLogPath: string | null;
  readonly deviceAllocation: DeviceSettings | null;
  /** The container that an ephemeral container's targetContainerName names. */
  readonly targetContainerId: string | null;
  /** Whether the CPU manager gave this container CPUs of its own. */
  readonly exclusiveCPUs: boolean;
  /** Lists as the kernel writes them (`0-3,7`); empty for no restriction. */
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
}
