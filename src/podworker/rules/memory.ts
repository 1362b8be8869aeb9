import type { DisruptionCondition, LifePhase, TerminateCause } from '../../pods/facts.ts';
import type { PodStatus } from '../../types/k8s.ts';
import type { Holding } from './holdings.ts';

/** The merged wish to end the Pod. `deadline` and `since` are wall ms: they outlive a restart through the checkpoint. */
export interface Termination {
  readonly cause: TerminateCause;
  readonly graceSeconds: number;
  readonly since: number;
  readonly deadline: number;
  readonly reason?: string;
  readonly message?: string;
  readonly condition?: DisruptionCondition;
}

/** Restart back-off of one container. `key` changes with the container's definition, which resets it. */
export interface ContainerBackoff {
  readonly key: string;
  readonly delayMs: number;
  /** Wall ms of the last step. */
  readonly updatedAt: number;
  /** The ended container whose restart this step was taken for: its wait is over. */
  readonly countedFor?: string;
}

/** Why one running container is being stopped although the Pod goes on. */
export interface Kill {
  readonly message: string;
  readonly reason: 'definition' | 'resize' | 'liveness' | 'startup' | 'hook' | 'unknown' | 'sandbox';
  /** Wall ms. */
  readonly since: number;
  readonly graceSeconds: number;
  /** The start of its successor has failed: whether it runs again is the restart policy's word from then on. */
  readonly successorFailed?: true;
}

/** How a resize of the Pod stands, in the words of its conditions. */
export interface ResizeMemory {
  readonly pending?: {
    readonly reason: 'Deferred' | 'Infeasible';
    readonly message: string;
    readonly generation: number;
  };
  /** What is allocated is not carried out yet; `error`: why the last attempt failed. */
  readonly progress?: { readonly generation: number; readonly error?: string };
  /** Number of the last grant whose start was told. */
  readonly told: number;
}

/** What `decide` remembers between two turns. Pure data; lost on a restart but for what checkpoint.ts keeps. */
export interface PodMemory {
  readonly phase: LifePhase;
  readonly termination?: Termination;
  /** By container name. */
  readonly backoff: Readonly<Record<string, ContainerBackoff>>;
  /** By container id, wall ms. */
  readonly preStop: Readonly<Record<string, { readonly begun: number; readonly ended?: number }>>;
  readonly kills: Readonly<Record<string, Kill>>;
  /** Sandboxes whose StopPodSandbox succeeded: their network is returned. */
  readonly stoppedSandboxes: readonly string[];
  /** The first pass over all volumes succeeded; later failures no longer hold back PodReadyToStartContainers. */
  readonly volumesReady: boolean;
  /** A volume failed in the first pass: no sandbox is made or re-made until all are ready. */
  readonly volumesFailed: boolean;
  /** Sandbox in which the main containers were first allowed to start. */
  readonly initializedIn?: string;
  /** RestartAllContainers is under way. Found again after a restart: who asked for it is removed last. */
  readonly restartingAll?: true;
  /** What the node has back of what it gave to the Pod. */
  readonly returned: readonly Holding[];
  readonly apiDeleted: boolean;
  /** Kubernetes events already emitted, by a key that tells repetitions apart. */
  readonly emitted: Readonly<Record<string, number>>;
  /** Wall minus monotonic ms when the wall clock was last set: tells a step of it from time that passes. */
  readonly clockOffset?: number;
  /** A static Pod's mirror was looked at for what it has of an earlier life of this agent; it is not asked again. */
  readonly mirrorAdopted?: true;
  /** By container name: why it waits since the container `after` ended (empty: none ever ran). */
  readonly waiting?: Readonly<
    Record<string, { readonly reason: string; readonly message: string; readonly after: string }>
  >;
  /** Absent until it was read from the status that the API server has. */
  readonly resize?: ResizeMemory;
  /** Last derived status. */
  readonly status?: PodStatus;
}

/** Memory of a Pod that was just heard of. */
export function freshMemory(status?: PodStatus): PodMemory {
  return {
    phase: 'Admitting',
    backoff: {},
    preStop: {},
    kills: {},
    stoppedSandboxes: [],
    volumesReady: false,
    volumesFailed: false,
    returned: [],
    apiDeleted: false,
    emitted: {},
    ...(status ? { status } : {}),
  };
}
