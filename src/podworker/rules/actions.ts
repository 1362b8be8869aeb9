import type { TerminateCause } from '../../pods/facts.ts';
import type { PodResources } from '../../types/k8s.ts';

/**
 * Effects that the Pod worker may start. Each occupies one slot from its start until its outcome is known (slots.ts);
 * the files in ../actions carry them out, one file an action, in an exhaustive registry.
 */
export type Action =
  | { readonly kind: 'reserve'; readonly slot: 'ledger' }
  | { readonly kind: 'release'; readonly slot: 'ledger' }
  | { readonly kind: 'allocateDevices'; readonly slot: 'devices' }
  | {
      /** Asks for other resources; what is granted is written down. */
      readonly kind: 'allocate';
      readonly slot: 'ledger';
      readonly wanted: PodResources;
      readonly generation: number;
    }
  /** Carries out what is allocated: `wanted` tells one allocation from another. */
  | { readonly kind: 'resizePod'; readonly slot: 'resize'; readonly wanted: PodResources }
  | { readonly kind: 'preparePod'; readonly slot: 'prepare' }
  /** `attempt`: of the sandbox that it is for; each asks anew. */
  | { readonly kind: 'prepareClaims'; readonly slot: 'claims'; readonly attempt: number }
  | { readonly kind: 'unprepareClaims'; readonly slot: 'claims' }
  | { readonly kind: 'createSandbox'; readonly slot: 'sandbox'; readonly attempt: number }
  | { readonly kind: 'stopSandbox'; readonly slot: string; readonly sandboxId: string }
  | { readonly kind: 'removeSandbox'; readonly slot: string; readonly sandboxId: string }
  | {
      readonly kind: 'ensureImage';
      readonly slot: string;
      readonly container: string;
      readonly image: string;
      readonly policy: string;
      readonly attempt: number;
      /** As mountVolume's, of the Secrets with credentials; absent without any. */
      readonly objects?: string;
      /** They have changed since the last attempt failed. */
      readonly anew?: true;
    }
  /** `objects`: fingerprint of the API objects it is made from, so that a change of them tells that a retry is due. */
  | { readonly kind: 'mountVolume'; readonly slot: string; readonly volume: string; readonly objects: string }
  | { readonly kind: 'unmountVolumes'; readonly slot: 'volumes' }
  | {
      readonly kind: 'createContainer';
      readonly slot: string;
      readonly container: string;
      readonly sandboxId: string;
      readonly attempt: number;
      readonly objects: string;
    }
  | { readonly kind: 'startContainer'; readonly slot: string; readonly container: string; readonly containerId: string }
  | { readonly kind: 'postStart'; readonly slot: string; readonly container: string; readonly containerId: string }
  | {
      readonly kind: 'preStop';
      readonly slot: string;
      readonly container: string;
      readonly containerId: string;
      readonly seconds: number;
    }
  | {
      readonly kind: 'stopContainer';
      readonly slot: string;
      readonly container: string;
      readonly containerId: string;
      readonly seconds: number;
    }
  | { readonly kind: 'removeContainer'; readonly slot: string; readonly containerId: string }
  /** `cpus`: the list that the container runs on from now on. */
  | { readonly kind: 'updateCpus'; readonly slot: string; readonly containerId: string; readonly cpus: string }
  | { readonly kind: 'removeCgroup'; readonly slot: 'cgroup' }
  | { readonly kind: 'removePodFiles'; readonly slot: 'files' }
  | { readonly kind: 'deleteApiPod'; readonly slot: 'api' }
  | { readonly kind: 'syncMirror'; readonly slot: 'mirror'; readonly wanted: 'current' | 'absent' }
  | { readonly kind: 'saveCheckpoint'; readonly slot: 'checkpoint'; readonly checkpoint: Checkpoint };

/** The kinds of actions; actionKinds.ts says what each means. */
export type ActionKind = Action['kind'];

/** What must survive a restart of the kubelet and cannot be read back from the runtime (docs/architecture.md, durable facts). */
export interface Checkpoint {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The merged request to end the Pod; absent while it is to run. */
  readonly termination?: {
    readonly cause: TerminateCause;
    readonly graceSeconds: number;
    /** Wall clock, ms. */
    readonly deadline: number;
    readonly reason?: string;
    readonly message?: string;
    readonly condition?: { readonly type: 'DisruptionTarget'; readonly reason: string; readonly message: string };
  };
  /** preStop hooks begun (and ended) by container id, wall ms. */
  readonly preStop: Readonly<Record<string, { readonly begun: number; readonly ended?: number }>>;
}

/** Slot names in one place, so that rules and actions cannot disagree. */
export const slotOf = {
  stopSandbox: (id: string) => `sandbox/${id}`,
  removeSandbox: (id: string) => `gc/${id}`,
  removeContainer: (id: string) => `gc/${id}`,
  image: (container: string) => `image/${container}`,
  volume: (name: string) => `volume/${name}`,
  container: (name: string) => `container/${name}`,
  postStart: (name: string) => `poststart/${name}`,
  preStop: (id: string) => `prestop/${id}`,
  stop: (id: string) => `stop/${id}`,
  cpus: (id: string) => `cpus/${id}`,
} as const;
