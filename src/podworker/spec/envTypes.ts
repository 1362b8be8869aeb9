import type { ConfigMap, Secret, Service } from '../../types/k8s.ts';
import type { EnvReference } from './envReferences.ts';

/** What is known of an API object. An object that was not read yet is missing from its map instead. */
export type Fetched<T> =
  | { readonly state: 'found'; readonly object: T }
  | { readonly state: 'notFound' }
  /** Neither there nor known to be absent; `message` ends up in the container's waiting state. */
  | { readonly state: 'failed'; readonly message: string };

/** What is known of a file that fileKeyRef names. A volume that is not mounted has no entry. */
export type EnvFile =
  | { readonly state: 'found'; readonly hostPath: string; readonly content: Uint8Array }
  | { readonly state: 'unreadable'; readonly message: string }
  /** There is something that is not read because it could harm the node; the Pod is told `message`. */
  | { readonly state: 'refused'; readonly message: string };

/** Everything outside the Pod that an environment can refer to. */
export interface EnvLookups {
  /** False on a node without an API server: references to its objects are then errors, and there are no services. */
  readonly hasApiServer: boolean;
  /** By name; all in the Pod's namespace. */
  readonly configMaps: ReadonlyMap<string, Fetched<ConfigMap>>;
  readonly secrets: ReadonlyMap<string, Fetched<Secret>>;
  /** All services of the cluster; null until they have been read once. */
  readonly services: readonly Service[] | null;
  /** By envFileKey. */
  readonly files: ReadonlyMap<string, EnvFile>;
  /** The node's addresses as in status.hostIPs. */
  readonly hostIPs: readonly string[];
  /** The Pod's addresses in the order of status.podIPs: the node's first family first. */
  readonly podIPs: readonly string[];
  /** Node status.allocatable; null while the node object is unknown. */
  readonly allocatable: Readonly<Record<string, string>> | null;
}

/** One variable of a resolved environment. */
export interface ResolvedVariable {
  readonly name: string;
  readonly value: string;
  /** The value's bytes where they are not UTF-8 text (from a Secret); `value` then has replacement characters. */
  readonly raw?: Uint8Array;
}

/** Why a container's environment cannot be made. The Go kubelet reports the first one. */
export interface EnvProblem {
  /**
   * notRead: wait, the object was not read yet. notFound, keyMissing: wait until somebody creates or changes the object.
   * file: the file or its volume. invalid: no waiting helps.
   */
  readonly kind: 'notRead' | 'notFound' | 'keyMissing' | 'file' | 'invalid';
  /** For the waiting state of reason CreateContainerConfigError; never holds a value. */
  readonly message: string;
  readonly reference?: EnvReference;
}

/** The environment, or what it is made of that is missing. */
export type ResolvedEnv =
  | { readonly env: readonly ResolvedVariable[] }
  | { readonly missing: readonly [EnvProblem, ...EnvProblem[]] };
