import type { NodeEvent } from '../events/event.ts';
import { isExtendedResource } from '../k8s/extendedResource.ts';
import { rfc3339 } from '../k8s/rfc3339.ts';
import { sleep } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import { KubeletError } from '../lib/errors.ts';
import type { NodeFacts } from '../podworker/rules/facts.ts';
import type { Node } from '../types/k8s.ts';
import { readVolumesInUse } from './attachedVolumes.ts';
import { keepLease } from './lease.ts';
import type { LocalNodeOptions, NodeConnection } from './localNodeOptions.ts';
import { readMachineFacts } from './machineFacts.ts';
import { nodeFactsReader } from './nodeFacts.ts';
import { initialNode } from './nodeObject.ts';
import { NodeStatusPublisher } from './nodeStatus.ts';
import { isNewDisk, markDisk } from './pastDevices.ts';
import { type RegistrationOptions, registerNode } from './registration.ts';
import { reservationProblem } from './rules/capacity.ts';
import type { NextNode } from './rules/nextNode.ts';
import { STARTING } from './rules/nodeEvents.ts';
import type { OwnedVolumes } from './rules/volumesInUse.ts';
import { RuntimeStatus } from './runtimeStatus.ts';
import type { MachineFacts, NodeStatusFacts, RuntimeFact } from './types.ts';

/** How long the first status of a Node waits for the CSINode, so that a restart does not show it as not ready for a moment. */
const CSI_NODE_MS = 2000;

/** The node's own facts and its object in the API. */
export class LocalNode implements Disposable {
  readonly runtime: RuntimeStatus;
  readonly machine: MachineFacts;
  readonly #isNewDisk: boolean;
  readonly #options: LocalNodeOptions;
  readonly #stop = new AbortController();
  readonly #read: () => Promise<NodeStatusFacts>;
  readonly #seen = new Listeners<[]>();
  #runtimeVersion: string | undefined;
  #node: Node;
  #own: Readonly<Record<string, string>> = {};
  #publisher: NodeStatusPublisher | undefined;

  private constructor(options: LocalNodeOptions, machine: MachineFacts, isNew: boolean) {
    this.#options = options;
    this.machine = machine;
    this.#isNewDisk = isNew;
    this.runtime = new RuntimeStatus(options.cri, options.clock);
    this.#read = nodeFactsReader({
      service: options.cri,
      clock: options.clock,
      settings: options.settings,
      rootDir: options.rootDir,
      runtime: () => withProblem(this.runtime.fact, options.unlisted()),
      others: async () => ({
        pressure: {
          memory: options.pressure.has('MemoryPressure'),
          disk: options.pressure.has('DiskPressure'),
          pid: options.pressure.has('PIDPressure'),
        },
        notReady: [...options.notReady(), ...[options.csiNode?.problem()].filter((problem) => problem !== undefined)],
        warnings: [],
        devices: options.devices(),
        ...(await readVolumesInUse(this.#node, this.#owned(), options.mounter, options.rootDir, options.log)),
      }),
    });
    this.#node = { metadata: { name: options.settings.nodeName } };
  }

  /** Reads the machine. Rejects when more is reserved than it has. */
  static async create(options: LocalNodeOptions): Promise<LocalNode> {
    const { rootDir } = options;
    const machine = await readMachineFacts(rootDir);
    const problem = reservationProblem(machine, options.settings);
    if (problem !== undefined) throw new KubeletError(problem, { code: 'Reservations' });
    const node = new LocalNode(options, machine, await isNewDisk(rootDir));
    node.#node = (await node.#initial()).node;
    const { allocatable = {} } = node.#node.status ?? {};
    node.#own = Object.fromEntries(Object.entries(allocatable).filter(([name]) => !isExtendedResource(name)));
    return node;
  }

  /**
   * What Pods may use, for the ledger: what this process makes of its configuration and the machine, over whatever else the
   * Node object shows. That still says what the last process found until the first status write.
   */
  allocatable(): Readonly<Record<string, string>> {
    return { ...this.#node.status?.allocatable, ...this.#own };
  }

  /** The Node object with what Pods may use in it: what admission is decided with. */
  forAdmission(): Node {
    return { ...this.#node, status: { ...this.#node.status, allocatable: this.allocatable() } };
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
  facts(
    api: boolean,
    apiProblem: string | undefined,
    more: Pick<NodeFacts, 'crashLoopMaxMs' | 'crashLoopInitialMs' | 'deviceHealth' | 'stopSignals'>,
  ): NodeFacts {
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
      ...more,
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
      this.#options.volumes.nodeSeen(node);
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

  /** Something that the Node's status tells has changed: it is written now, not in its own time. */
  statusChanged(): void {
    this.#publisher?.trigger();
  }

  /** Starts to ask the runtime how it is. */
  start(): void {
    this.runtime.start();
    this.runtime.onChange(() => this.#publisher?.trigger());
    // A volume is used only once the API server knows that it is in use: its Pod waits for that.
    this.#options.volumes.onInUse(() => this.#publisher?.trigger());
  }

  /** Registers the Node and keeps its lease and status. Never returns before the end. */
  async serve(api: NodeConnection, onNode: (node: Node) => void, onProblem: (message: string) => void): Promise<void> {
    const { config, settings, clock, log, startup } = this.#options;
    const { signal } = this.#stop;
    this.#options.recordEvent(STARTING);
    const common = { clock, logger: log, random: Math.random, signal };
    if (config.registerNode) await this.#register({ ...common, api: api.heartbeat, onProblem });
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
    using _pressure = this.#options.pressure.onChange(() => this.#publisher?.trigger());
    this.#publisher.onNode((node) => {
      this.#node = node;
      if (isReady(node)) startup?.ready();
      this.#options.volumes.nodeSeen(node);
      this.#seen.emit();
      onNode(node);
    });
    await this.#awaitCsiNode(signal);
    const { nodeName } = settings;
    const lease = { ...common, api: api.heartbeat, nodeName, durationSeconds: config.nodeLeaseDurationSeconds };
    await Promise.all([this.#publisher.run(), keepLease(lease)]);
  }

  async #register(how: Omit<RegistrationOptions, 'initialNode' | 'resetExtended' | 'startup'>): Promise<void> {
    const { startup, rootDir, recordEvent } = this.#options;
    let events: readonly NodeEvent[] = [];
    const initialNode = async () => {
      const next = await this.#initial();
      events = next.events;
      return next.node;
    };
    const resetExtended = this.#isNewDisk;
    this.#node = await registerNode({ ...how, initialNode, resetExtended, ...(startup && { startup }) });
    if (resetExtended) await markDisk(rootDir);
    for (const event of events) recordEvent(event);
  }

  /** The first status waits for the CSINode, but not for long. */
  async #awaitCsiNode(signal: AbortSignal): Promise<void> {
    const { csiNode, clock } = this.#options;
    if (!csiNode) return;
    csiNode.onChange(() => this.#publisher?.trigger());
    const initialized = csiNode.initialize(signal).catch(() => {});
    await Promise.race([initialized, sleep(clock, CSI_NODE_MS, signal).catch(() => {})]);
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
    this.runtime[Symbol.dispose]();
  }

  #owned(): OwnedVolumes {
    const { volumes } = this.#options;
    return { inUse: volumes.inUse(), plugins: volumes.plugins };
  }

  async #initial(): Promise<NextNode> {
    return initialNode(this.#options.settings, await this.#facts(), rfc3339(this.#options.clock.now().wall));
  }

  async #facts(): Promise<NodeStatusFacts> {
    const facts = await this.#read();
    this.#runtimeVersion = facts.runtimeVersion ?? this.#runtimeVersion;
    return facts;
  }
}

/** What is known of a deleted Node still holds for its Pods, but it is no object that a mirror Pod can belong to. */
function withoutIdentity({ metadata: { uid: _, resourceVersion: __, ...metadata } = {}, ...node }: Node): Node {
  return { ...node, metadata };
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

function withProblem(fact: RuntimeFact, problem: string | undefined): RuntimeFact {
  return problem === undefined ? fact : { ...fact, errors: [...fact.errors, problem] };
}
