import type { PodResources, PodStatus } from '../types/k8s.ts';
import type {
  AdmissionFact,
  CpuFact,
  MirrorFact,
  PodClaims,
  PodDevices,
  ProbeState,
  PullState,
  ReferencedState,
  ResizeAnswer,
} from './facts.ts';

/**
 * News about one Pod, from whoever finds it out. It is the only door to a Pod's facts: the Pod's worker takes the update, and a turn
 * follows by itself. Values are replaced whole, never modified afterwards.
 */
export type FactUpdate =
  /** What the probes say, by container name. */
  | { readonly kind: 'probes'; readonly states: Readonly<Record<string, ProbeState>> }
  /** The ledger's verdict, also one that comes after a wait. */
  | { readonly kind: 'admission'; readonly fact: AdmissionFact }
  /** The devices that it holds, or what their plug-ins say of their health. */
  | { readonly kind: 'devices'; readonly devices: PodDevices }
  /** The CPUs that its containers are to run on: others were given some, or gave them back. */
  | { readonly kind: 'cpus'; readonly cpus: CpuFact }
  /** The ledger's later answer to a resize that it deferred: `wanted` is what was asked for. */
  | { readonly kind: 'resize'; readonly wanted: PodResources; readonly answer: ResizeAnswer }
  /** Resources that were carried out, of some containers or of the Pod as a whole. */
  | { readonly kind: 'actuated'; readonly resources: PodResources }
  /** The newest status that the API server has. `written`: as the answer to a write of ours, so that nothing holds one back any more. */
  | { readonly kind: 'accepted'; readonly status: PodStatus | undefined; readonly written: boolean }
  /** Why a status could not be written. */
  | { readonly kind: 'statusProblem'; readonly message: string }
  /** A static Pod's mirror came, changed or went. */
  | { readonly kind: 'mirror'; readonly mirror: MirrorFact }
  /** How far a pull is; undefined when it is over. */
  | { readonly kind: 'pull'; readonly container: string; readonly state: PullState | undefined }
  /** What a volume that is being set up waits for; undefined: nothing any more. */
  | { readonly kind: 'volumeWait'; readonly volume: string; readonly message: string | undefined }
  /** The claims that its containers use, or what drivers say of their devices' health. */
  | { readonly kind: 'claims'; readonly claims: PodClaims }
  /** Which DRA driver is being waited for; undefined: none any more. */
  | { readonly kind: 'claimWait'; readonly message: string | undefined }
  /** A DRA driver that its claims lacked is there (mono ms). */
  | { readonly kind: 'claimDriver'; readonly at: number }
  /** The API objects that this version of the Pod refers to, and their states. */
  | { readonly kind: 'references'; readonly references: PodReferences }
  /** One of them changed. */
  | { readonly kind: 'object'; readonly key: string; readonly state: ReferencedState }
  /** Dead containers of it that shall go: the node holds too many, or is short of space. */
  | { readonly kind: 'surplus'; readonly containers: readonly string[] }
  /** Every source has reported at least once. */
  | { readonly kind: 'sourcesReady' }
  /** The UID of another static Pod that holds the name; undefined: the name is free for this one. */
  | { readonly kind: 'nameTaken'; readonly by: string | undefined }
  /** A removed static Pod is in its source again, under `restartPolicy`; undefined: it is not any more. */
  | { readonly kind: 'returning'; readonly under: { readonly restartPolicy: string | undefined } | undefined };

/** Which API objects what part of a Pod is made of; each key is `KIND NAMESPACE/NAME`. */
export interface PodReferences {
  readonly objects: Readonly<Record<string, ReferencedState>>;
  /** By container name: what its environment is taken from. */
  readonly env: Readonly<Record<string, readonly string[]>>;
  /** By volume name: what it projects. */
  readonly volumes: Readonly<Record<string, readonly string[]>>;
  /** Secrets with credentials for its images. */
  readonly pulls: readonly string[];
}
