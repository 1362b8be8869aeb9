import { hostname } from 'node:os';
import type { FeatureGates } from '../config/featureGates.ts';
import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { KubeletOptions } from '../config/options.ts';
import type { Cri } from '../cri/client.ts';
import type { Clock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import type { Mounter } from '../lib/linux/mounter.ts';
import type { Logger } from '../lib/logger.ts';
import { readVolumesInUse } from '../node/attachedVolumes.ts';
import { keepLease } from '../node/lease.ts';
import { readMachineFacts } from '../node/machineFacts.ts';
import { nodeFactsReader } from '../node/nodeFacts.ts';
import { initialNode } from '../node/nodeObject.ts';
import { NodeStatusPublisher, rfc3339 } from '../node/nodeStatus.ts';
import { markDisk, type PastDevices, readPastDevices } from '../node/pastDevices.ts';
import { registerNode } from '../node/registration.ts';
import { parseNodeIPs } from '../node/rules/addresses.ts';
import type { NextNode } from '../node/rules/nextNode.ts';
import { STARTING } from '../node/rules/nodeEvents.ts';
import { RuntimeStatus } from '../node/runtimeStatus.ts';
import type { MachineFacts, NodeEvent, NodeFacts, NodeSettings } from '../node/types.ts';
import type { NodeFacts as PodNodeFacts } from '../podworker/rules/facts.ts';
import type { Node } from '../types/k8s.ts';
import type { ApiSide } from './apiSide.ts';

/** The Node's name: the flag, else the hostname, in lower case. */
export function nodeNameOf(options: KubeletOptions): string {
  return (options.hostnameOverride || hostname()).trim().toLowerCase();
}

/** What the configuration says about the Node. */
export function nodeSettings(config: KubeletConfiguration, options: KubeletOptions, gates: FeatureGates): NodeSettings {
  return {
    nodeName: nodeNameOf(options),
    hostname: nodeNameOf(options),
    nodeIPs: parseNodeIPs(options.nodeIp).ips,
    externalCloud: options.cloudProvider === 'external',
    ...(config.providerID ? { providerID: config.providerID } : {}),
    labels: options.nodeLabels,
    taints: config.registerWithTaints ?? [],
    controllerAttachDetach: config.enableControllerAttachDetach,
    maxPods: config.maxPods,
    podsPerCore: config.podsPerCore,
    kubeReserved: config.kubeReserved ?? {},
    systemReserved: config.systemReserved ?? {},
    evictionHard: config.evictionHard ?? {},
    kubeletPort: config.port,
    maxImages: config.nodeStatusMaxImages,
    localStorageIsolation: config.localStorageCapacityIsolation,
    enabledGates: gates.list().flatMap((gate) => (gate.enabled ? [gate.name] : [])),
  };
}

export interface NodeSideOptions {
  readonly config: KubeletConfiguration;
  readonly settings: NodeSettings;
  readonly rootDir: string;
  readonly cri: Cri;
  readonly mounter: Pick<Mounter, 'list'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordEvent: (event: NodeEvent) => void;
}

/** The node's own facts and its object in the API. */
export class NodeSide implements Disposable {
  readonly runtime: RuntimeStatus;
  readonly machine: MachineFacts;
  /** Device plug-ins of an earlier kubelet. None can register here yet, so nothing can be given of their resources. */
  readonly pastDevices: PastDevices;
  readonly #options: NodeSideOptions;
  readonly #stop = new AbortController();
  readonly #read: () => Promise<NodeFacts>;
  readonly #seen = new Listeners<[]>();
  #runtimeVersion: string | undefined;
  #node: Node;
  #own: Readonly<Record<string, string>> = {};
  #publisher: NodeStatusPublisher | undefined;

  private constructor(options: NodeSideOptions, machine: MachineFacts, pastDevices: PastDevices) {
    this.#options = options;
    this.machine = machine;
    this.pastDevices = pastDevices;
    this.runtime = new RuntimeStatus(options.cri, options.clock);
    this.#read = nodeFactsReader({
      service: options.cri,
      clock: options.clock,
      settings: options.settings,
      rootDir: options.rootDir,
      runtime: () => this.runtime.fact,
      others: async () => ({
        pressure: { memory: false, disk: false, pid: false },
        notReady: [],
        warnings: [],
        devices: { capacity: {}, allocatable: {}, removed: pastDevices.resources },
        ...(await readVolumesInUse(this.#node, options.mounter, options.rootDir, options.log)),
      }),
    });
    this.#node = { metadata: { name: options.settings.nodeName } };
  }

  static async create(options: NodeSideOptions): Promise<NodeSide> {
    const { rootDir, log } = options;
    const side = new NodeSide(options, await readMachineFacts(rootDir), await readPastDevices(rootDir, log));
    side.#node = (await side.#initial()).node;
    side.#own = side.#node.status?.allocatable ?? {};
    return side;
  }

  /**
   * What Pods may use, for the ledger: what this process makes of its configuration and the machine, over whatever else the
   * Node object shows. That still says what the last process found until the first status write.
   */
  allocatable(): Readonly<Record<string, string>> {
    return { ...this.#node.status?.allocatable, ...this.#own };
  }

  get name(): string {
    return this.#options.settings.nodeName;
  }

  /** The node's addresses for Pods' status.hostIPs, primary first. */
  hostIPs(): readonly string[] {
    const all = (this.#node.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address);
    const first = all[0];
    if (first === undefined) return [];
    const other = all.find((ip) => ip.includes(':') !== first.includes(':'));
    return other === undefined ? [first] : [first, other];
  }

  /** What gates every Pod of the node. `apiProblem`: why the API server is not connected. */
  facts(api: boolean, apiProblem: string | undefined, crashLoopMaxMs: number): PodNodeFacts {
    const { runtimeReady, networkReady, errors, networkErrors } = this.runtime.fact;
    const hostIPs = this.hostIPs();
    return {
      api,
      runtimeName: this.#runtimeVersion?.split('://')[0] ?? 'containerd',
      networkReady,
      networkMessage: networkErrors.join(', '),
      ...(runtimeReady ? {} : { runtimeProblem: errors.join(', ') || 'the runtime has not answered yet' }),
      ...(apiProblem === undefined ? {} : { apiProblem }),
      hostIPs,
      primaryFamily: hostIPs[0]?.includes(':') ? 6 : 4,
      crashLoopMaxMs,
    };
  }

  /** Something that `facts` tells has changed. */
  onFacts(listener: () => void): Disposable {
    return this.runtime.onChange(listener);
  }

  /** The newest version of the Node object; the initial one until the API server has answered. */
  get node(): Node {
    return this.#node;
  }

  /** The API server shows another version; undefined: it was deleted. */
  seen(node: Node | undefined): void {
    if (node) {
      this.#node = node;
      this.#publisher?.nodeSeen();
    } else {
      this.#node = withoutIdentity(this.#node);
      this.#publisher?.nodeDeleted();
    }
    this.#seen.emit();
  }

  /** Called when the Node object may have changed. */
  onSeen(listener: () => void): Disposable {
    return this.#seen.add(listener);
  }

  /** Starts to ask the runtime how it is. */
  start(): void {
    this.runtime.start();
    this.runtime.onChange(() => this.#publisher?.trigger());
  }

  /** Registers the Node and keeps its lease and status. Never returns before the end. */
  async serve(api: ApiSide, onNode: (node: Node) => void, onProblem: (message: string) => void): Promise<void> {
    const { config, settings, clock, log } = this.#options;
    const { signal } = this.#stop;
    this.#options.recordEvent(STARTING);
    const common = { clock, logger: log, random: Math.random, signal };
    if (config.registerNode) {
      let events: readonly NodeEvent[] = [];
      const initial = async () => {
        const next = await this.#initial();
        events = next.events;
        return next.node;
      };
      const resetExtended = this.pastDevices.isNewDisk;
      const register = { ...common, api: api.heartbeat, initialNode: initial, resetExtended, onProblem };
      this.#node = await registerNode(register);
      if (resetExtended) await markDisk(this.#options.rootDir);
      for (const event of events) this.#options.recordEvent(event);
    }
    api.node.start();
    onNode(this.#node);
    this.#publisher = new NodeStatusPublisher({
      ...common,
      api: api.heartbeat,
      settings,
      readFacts: () => this.#facts(),
      cachedNode: () =>
        api.node.objects().get(`/${settings.nodeName}`) ?? (this.#node.metadata?.uid ? this.#node : undefined),
      recordEvent: this.#options.recordEvent,
      registers: config.registerNode,
      updateMs: config.nodeStatusUpdateFrequency,
      reportMs: config.nodeStatusReportFrequency,
    });
    this.#publisher.onNode((node) => {
      this.#node = node;
      this.#seen.emit();
      onNode(node);
    });
    const lease = {
      ...common,
      api: api.heartbeat,
      nodeName: settings.nodeName,
      durationSeconds: config.nodeLeaseDurationSeconds,
    };
    await Promise.all([this.#publisher.run(), keepLease(lease)]);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.runtime[Symbol.dispose]();
  }

  async #initial(): Promise<NextNode> {
    return initialNode(this.#options.settings, await this.#facts(), rfc3339(this.#options.clock.now().wall));
  }

  async #facts(): Promise<NodeFacts> {
    const facts = await this.#read();
    this.#runtimeVersion = facts.runtimeVersion ?? this.#runtimeVersion;
    return facts;
  }
}

/** What is known of a deleted Node still holds for its Pods, but it is no object that a mirror Pod can belong to. */
function withoutIdentity({ metadata: { uid: _, resourceVersion: __, ...metadata } = {}, ...node }: Node): Node {
  return { ...node, metadata };
}
