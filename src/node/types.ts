import type { NodeEvent } from '../events/event.ts';
import type { Node, Taint } from '../types/k8s.ts';

/** What the configuration says about this node; constant while the process runs. Resource lists are API quantities. */
export interface NodeSettings {
  readonly nodeName: string;
  readonly hostname: string;
  /** `--node-ip`, parsed: none, one or two addresses; `0.0.0.0` or `::` alone choose a family. */
  readonly nodeIPs: readonly string[];
  /** `--cloud-provider=external`. */
  readonly externalCloud: boolean;
  readonly providerID?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly controllerAttachDetach: boolean;
  readonly maxPods: number;
  readonly podsPerCore: number;
  readonly kubeReserved: Readonly<Record<string, string>>;
  readonly systemReserved: Readonly<Record<string, string>>;
  /** evictionHard: signal → quantity or percentage. */
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly kubeletPort: number;
  /** Images in the status; -1 means all of them. */
  readonly maxImages: number;
  readonly localStorageIsolation: boolean;
  /** Gates that are on and that the node declares as features, if the runtime has them too. */
  readonly enabledGates: readonly string[];
}

/** The machine and its system. Bytes are numbers: memory and disks stay below 2^53. */
export interface MachineFacts {
  readonly machineID: string;
  readonly systemUUID: string;
  readonly bootID: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** Go's name: amd64, arm64 … */
  readonly architecture: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  /** Page size in bytes → bytes reserved in pages of that size. */
  readonly hugePages: Readonly<Record<string, number>>;
  /** Size of the file system of the root directory; absent if it could not be read. */
  readonly rootfsBytes?: number;
}

/** What the node's addresses are chosen from. */
export interface AddressFacts {
  /** All addresses of the machine's interfaces. */
  readonly local: readonly string[];
  /** What the node's name resolves to. */
  readonly resolved: readonly string[];
  /** The address of the interface with the default route, by family. */
  readonly defaultIPv4?: string;
  readonly defaultIPv6?: string;
}

export interface HandlerFact {
  readonly name: string;
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}

/**
 * The runtime as the node sees it; JSON-serialisable. `errors` and `networkErrors` are sentences of the Ready condition, empty
 * if all is well.
 */
export interface RuntimeFact {
  readonly runtimeReady: boolean;
  readonly networkReady: boolean;
  readonly errors: readonly string[];
  readonly networkErrors: readonly string[];
  /** Sorted by name; undefined until the runtime has told. */
  readonly handlers?: readonly HandlerFact[];
  readonly features?: { readonly supplementalGroupsPolicy: boolean; readonly userNamespacesHostNetwork: boolean };
}

/** An image of the runtime, for the status. */
export interface NodeImage {
  readonly repoDigests: readonly string[];
  readonly repoTags: readonly string[];
  readonly sizeBytes: number;
}

/** What device plugins offer; `removed` resources are reported as 0. */
export interface DeviceFacts {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

/** Everything that the node's status is made of, read once for each update. */
export interface NodeStatusFacts {
  readonly machine: MachineFacts;
  readonly addresses: AddressFacts;
  readonly runtime: RuntimeFact;
  /** `containerd://2.1.4`; undefined while the runtime does not answer. */
  readonly runtimeVersion?: string;
  /** undefined if the list could not be read. */
  readonly images?: readonly NodeImage[];
  readonly devices?: DeviceFacts;
  readonly pressure: { readonly memory: boolean; readonly disk: boolean; readonly pid: boolean };
  /** Sentences that keep the node from being Ready, of other modules: PLEG, CSINode, shutdown. */
  readonly notReady: readonly string[];
  /** Requirements that are not met but do not keep the node from being Ready. */
  readonly warnings: readonly string[];
  /** undefined until the volumes of the last run were found again. */
  readonly volumesInUse?: readonly string[];
}

/** Hears how far the start of a new Node has come. */
export interface NodeStartup {
  /** The API server is about to be asked to make the Node. */
  attempt(): void;
  /** It has made a new one. */
  created(): void;
  /** The Node is Ready; called each time that it is written so. */
  ready(): void;
}

/** What a setter hands back: fields of the status, Events, and sentences for the log about what it could not find out. */
export interface Update<T> {
  readonly value: T;
  readonly events?: readonly NodeEvent[];
  readonly problems?: readonly string[];
}

/** Heartbeats have a deadline of their own: one that hangs must not cost the node its lease. */
export interface HeartbeatOptions {
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** The calls that the node module makes; `ApiClient` satisfies it. Give it a client without a rate limit: heartbeats must not
 * queue behind other calls. */
export interface NodeApi {
  get(kind: 'Node', ref: { name: string }, options?: HeartbeatOptions): Promise<Node>;
  create(kind: 'Node', object: Node, options?: HeartbeatOptions): Promise<Node>;
  patch(
    kind: 'Node',
    ref: { name: string },
    type: 'strategic',
    patch: object,
    options?: HeartbeatOptions & { subresource?: string },
  ): Promise<Node>;
}
