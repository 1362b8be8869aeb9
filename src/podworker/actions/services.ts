import type { ResourceConfig } from '../../cgroups/rules/resourceConfig.ts';
import type { Cri } from '../../cri/client.ts';
import type { StartGate } from '../../cri/gate.ts';
import type { PodSandboxConfig } from '../../cri/generated/runtime.ts';
import type { WorkerDevices } from '../../devices/deviceManager.ts';
import type { WorkerClaims } from '../../dra/workerClaims.ts';
import type { NodeEvent } from '../../events/event.ts';
import type { ImageManager } from '../../images/imageManager.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { PodCgroupLimits } from '../../pods/facts.ts';
import type { ResourceRecords } from '../../pods/resourceRecords.ts';
import type { HookRunner } from '../../probes/hooks.ts';
import type { AllocatedPod, Container, Pod, Secret, StoredPod } from '../../types/k8s.ts';
import type { UserNamespaces } from '../../userns/userNamespaces.ts';
import type { VolumeContext, VolumeManager } from '../../volumes/contract.ts';
import type { Checkpoint } from '../rules/actions.ts';
import type { SpecNode } from '../spec/context.ts';
import type { DnsInputs } from '../spec/dns.ts';
import type { EnvLookups } from '../spec/envTypes.ts';

/** The Pod's cgroup, as far as actions need it. */
export interface PodCgroups {
  /** What the runtime is told as cgroup_parent. */
  parent(pod: Pod): string;
  /** Makes it if needed and sets its limits, which it returns. `keep`: one that exists has the limits that it has. */
  ensure(pod: AllocatedPod, keep: boolean): Promise<{ readonly limits: PodCgroupLimits; readonly kept: boolean }>;
  /** The limits that it is to have. */
  wanted(pod: AllocatedPod): ResourceConfig;
  /** The limits that it has. Rejects when it does not exist. */
  limits(pod: Pod): Promise<PodCgroupLimits>;
  /** Changes limits of one that exists. */
  apply(pod: Pod, config: ResourceConfig): Promise<void>;
  /** Bytes of memory that are used in it, caches included. */
  memoryUsage(pod: Pod): Promise<number>;
  /** Kills what is left in it and removes it; harmless when it is not there. */
  remove(pod: Pod): Promise<void>;
}

/** On which CPUs and NUMA nodes containers run; the ledger's managers decide it. */
export interface Placement {
  /** Empty lists: anywhere. */
  of(uid: string, container: string): { readonly cpusetCpus: string; readonly cpusetMems: string };
  /** Whether the container, or any of the Pod, has CPUs of its own and so no limit of CPU time. */
  unthrottled(uid: string, container?: string): boolean;
  /** A container is about to start: the init containers before it have ended. */
  starting(pod: StoredPod, container: string): void;
}

/** No policy divides CPUs or memory. */
export const ANYWHERE: Placement = {
  of: () => ({ cpusetCpus: '', cpusetMems: '' }),
  unthrottled: () => false,
  starting: () => {},
};

/** Writes to the API that a Pod's worker makes itself; null in standalone mode. */
export interface PodApi {
  /** DELETE with grace 0 and the UID as precondition; a Pod that is gone counts as done. */
  deletePod(namespace: string, name: string, uid: string, signal: AbortSignal): Promise<void>;
  createMirror(pod: Pod, signal: AbortSignal): Promise<void>;
  deleteMirror(pod: Pod, signal: AbortSignal): Promise<void>;
}

/** What of a Pod must survive a restart of the agent and is known to nobody else (docs/architecture.md). */
export interface CheckpointStore {
  save(checkpoint: Checkpoint): Promise<void>;
  remove(uid: string): Promise<void>;
  /** UIDs that have one. */
  list(): Promise<string[]>;
}

/** Everything that effects work with. Each action takes what it needs and no more. */
export interface Services {
  readonly clock: Clock;
  readonly log: Logger;
  readonly cri: Cri;
  readonly gate: StartGate;
  readonly ledger: Ledger;
  readonly images: ImageManager;
  readonly volumes: VolumeManager;
  readonly volumeContext: VolumeContext;
  readonly cgroups: PodCgroups;
  /** Written before it is used or shown. */
  readonly allocated: ResourceRecords;
  /** Written after it was carried out; what is lost of it is carried out again. */
  readonly actuated: ResourceRecords;
  /** Hook handlers (exec, httpGet, sleep). They reject with the hook's failure; aborting ends them. */
  readonly hooks: Pick<HookRunner, 'postStart' | 'preStop'>;
  readonly checkpoints: CheckpointStore;
  readonly api: PodApi | null;
  /** Node facts and settings for the requests to the runtime. */
  readonly spec: SpecNode;
  readonly dns: () => DnsInputs;
  /** Records an Event about the Node; absent where nobody hears of it. */
  readonly nodeEvent?: (event: NodeEvent) => void;
  /** `<root>/pods`. */
  readonly podsDir: string;
  /** Where log collectors look for links to containers' logs: /var/log/containers. */
  readonly containerLogsDir: string;
  /** Text of the node's own /etc/hosts, for Pods on its network. */
  hostsFile(): Promise<string>;
  /** Handler of the Pod's RuntimeClass; empty for the runtime's default. Throws KubeletError when the class is unknown. */
  runtimeHandler(pod: Pod): string;
  /** Images are asked for and pulled by the handler of the Pod's RuntimeClass (RuntimeClassInImageCriApi). */
  readonly imagesByHandler?: boolean;
  /** The status says what the runtime calls the images of volumes (ImageVolumeWithDigest). */
  readonly tellsImageVolumes?: boolean;
  readonly devices: WorkerDevices;
  readonly claims: WorkerClaims;
  readonly placement: Placement;
  /** User and group ids of Pods with hostUsers: false. */
  readonly userNamespaces: Pick<UserNamespaces, 'of' | 'ensure' | 'release'>;
  envLookups(pod: Pod, container: Container, podIPs: readonly string[]): Promise<EnvLookups>;
  /** imagePullSecrets that could be read; the others are told by an event. */
  pullSecrets(pod: Pod): readonly Secret[];
  /** Whether the handler can mount recursively read-only. */
  recursiveReadOnly(handler: string): boolean;
  /** Looks at the sandbox config again for each container of it: kept by Pod UID and attempt. */
  sandboxConfigs: Map<string, PodSandboxConfig>;
}
