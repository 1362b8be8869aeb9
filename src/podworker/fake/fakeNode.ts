import { join } from 'node:path';
import { type Cri, connectCri } from '../../cri/client.ts';
import { StartGate } from '../../cri/gate.ts';
import type { Observer } from '../../cri/observe.ts';
import { DeviceManager } from '../../devices/deviceManager.ts';
import { ClaimManager } from '../../dra/claimManager.ts';
import { HealthBook, listenToHealth } from '../../dra/health.ts';
import { DraPlugins } from '../../dra/plugins.ts';
import type { PodEvent } from '../../events/event.ts';
import { ImageManager } from '../../images/imageManager.ts';
import { openLedger } from '../../ledger/admission.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type Clock, realClock } from '../../lib/clock.ts';
import { Life } from '../../lib/fake/life.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { ReferencedState } from '../../pods/facts.ts';
import { ResourceRecords } from '../../pods/resourceRecords.ts';
import { PodTable } from '../../pods/table.ts';
import { Recorder, type TraceRecord } from '../../timeline/recorder.ts';
import { PodSpans } from '../../tracing/podSpans.ts';
import type { Pod, PodStatus } from '../../types/k8s.ts';
import { everythingAbove } from '../../userns/rules/idSpace.ts';
import { UserNamespaces } from '../../userns/userNamespaces.ts';
import { createVolumeManager } from '../../volumes/manager.ts';
import { persistentKinds } from '../../volumes/persistent/kinds.ts';
import { PersistentVolumes } from '../../volumes/persistent/persistentVolumes.ts';
import { effects } from '../actions/registry.ts';
import { ANYWHERE, type Services } from '../actions/services.ts';
import { FileCheckpoints } from '../checkpointStore.ts';
import { PodRuntime } from '../podRuntime.ts';
import type { Action } from '../rules/actions.ts';
import type { PodWorkers } from '../workers.ts';
import { fakeCgroups } from './fakeCgroups.ts';
import { specNode } from './specNode.ts';

export { type FakeObject, FakeWorld, fakeWorld } from './fakeWorld.ts';

import type { FakeObject, FakeWorld } from './fakeWorld.ts';

/** One life of the kubelet on a FakeWorld: everything real but the runtime, the API server, cgroups and mounts. */
export class FakeNode implements Disposable {
  readonly world: FakeWorld;
  readonly clock: Clock;
  readonly cri: Cri;
  readonly table = new PodTable();
  readonly persistent: PersistentVolumes;
  readonly devices: DeviceManager;
  readonly draPlugins: DraPlugins;
  readonly claims: ClaimManager;
  readonly ledger: Ledger;
  readonly allocated: ResourceRecords;
  readonly actuated: ResourceRecords;
  readonly events: (PodEvent & { readonly uid: string })[] = [];
  readonly actions: { readonly uid: string; readonly action: Action }[] = [];
  readonly trace: TraceRecord[] = [];
  readonly recorder: Recorder;
  networkReady = true;
  /** Called before each effect; throw to crash the node at that point. */
  beforeEffect: (uid: string, action: Action) => void = () => {};
  afterEffect: (uid: string, action: Action) => void = () => {};
  /** Called when an action settled, with what it threw. */
  actionEnded: (uid: string, action: Action, startedAt: number, error: unknown) => void = () => {};
  readonly #own = new DisposableStack();
  readonly #runtime: PodRuntime;
  readonly #mounter: FakeWorld['mounter'];
  #userNamespaces: UserNamespaces | undefined;
  /** Static Pods whose mirror the API server shows. */
  readonly #mirrors = new Set<string>();
  #watchers = new Set<() => void>();
  /** Ends with this node, whose code runs on. */
  readonly #life: Life;
  /** Set when it is disposed; resolves when nothing of it is open any more. */
  gone: Promise<void> | undefined;

  constructor(world: FakeWorld, outer: Clock = realClock) {
    this.world = world;
    this.#life = this.#own.use(new Life(outer));
    const clock = this.#life;
    this.clock = clock;
    this.#mounter = clock.bound(world.mounter, ['mount', 'unmount']);
    this.persistent = this.#own.use(
      new PersistentVolumes({
        ...{ clock, log: silentLogger, kinds: persistentKinds() },
        host: {
          ...{ root: world.root, mounter: this.#mounter, log: silentLogger, digest: () => '' },
          run: async () => ({ code: 0, output: '', killed: false }),
        },
      }),
    );
    this.devices = new DeviceManager({ rootDir: world.root, table: this.table, clock, log: silentLogger });
    const health = this.#own.use(new HealthBook(clock));
    this.draPlugins = this.#own.use(
      new DraPlugins({
        ...{ log: silentLogger, onUsable: () => {} },
        listen: (plugin) => listenToHealth(plugin, health, clock, () => 0.5),
      }),
    );
    this.claims = new ClaimManager({
      ...{ rootDir: world.root, plugins: this.draPlugins, table: this.table, clock, log: silentLogger },
      ...{ random: () => 0.5, health, healthMessages: true },
      client: {
        get: async (kind: string, { namespace, name }: { namespace?: string; name: string }) => {
          const object = world.objects.get(`${kind} ${namespace}/${name}`);
          if (!object) throw new Error(`resourceclaims.resource.k8s.io "${name}" not found`);
          return object as never;
        },
      },
    });
    const { tracing } = world;
    const traces = tracing && new PodSpans(tracing, silentLogger);
    this.cri = this.#own.use(connectCri({ runtimeEndpoint: world.cri.endpoint, requestTimeoutMs: 20_000, tracing }));
    const records = (file: string) =>
      clock.bound(new ResourceRecords(join(world.root, file), clock), ['save', 'saved', 'flush']);
    this.allocated = records('allocated_pods_state');
    this.actuated = records('actuated_pods_state');
    const freshView = async () => undefined;
    this.ledger = openLedger({
      ...{ table: this.table, view: () => world.nodeView, freshView, onEvent: () => {} },
      devices: this.devices.places,
      ...(world.own && { own: world.own.resources }),
    });
    const services = this.#services();
    const sink = { write: (_uid: string, record: TraceRecord) => this.trace.push(record), close() {} };
    this.recorder = new Recorder(sink, undefined, traces);
    const effect = traces ? traces.effect(effects(services)) : effects(services);
    this.#runtime = this.#own.use(
      new PodRuntime({
        cri: this.cri,
        clock,
        log: silentLogger,
        table: this.table,
        random: () => 0.5,
        recorder: this.recorder,
        gate: services.gate,
        checkpoints: new FileCheckpoints(join(world.root, 'checkpoints')),
        objects: this.#objectSource(),
        recorded: (uid) => ({ allocated: this.allocated.get(uid), actuated: this.actuated.get(uid) }),
        effect: async (action, context) => {
          this.actions.push({ uid: context.facts.uid, action });
          this.beforeEffect(context.facts.uid, action);
          if (clock.isOver) return new Promise(() => {});
          const outcome = await effect(action, context);
          this.afterEffect(context.facts.uid, action);
          if (clock.isOver) return new Promise(() => {});
          return outcome;
        },
        volumeNeeds: (pod) =>
          services.volumes
            .needs(pod, services.volumeContext.objects)
            .filter((r) => r.kind !== 'ServiceAccountToken') as never,
        nodeFacts: () => this.#nodeFacts(),
        recursiveReadOnly: () => true,
        hooks: {
          publish: (pod, status) => this.#publish(pod, status),
          event: (_pod, { uid }, event) => this.events.push({ ...event, uid }),
          taken: (worker) => {
            // Until its mirror is shown, the API server is not known to have one.
            if (worker.origin === 'file' && worker.last === undefined)
              worker.learn({ kind: 'mirror', mirror: { state: 'absent' } });
          },
          listed: () => {},
          actionEnded: (uid, action, ms, error) => this.actionEnded(uid, action, this.clock.now().mono - ms, error),
        },
      }),
    );
  }

  get workers(): PodWorkers {
    return this.#runtime.workers;
  }

  get observer(): Observer {
    return this.#runtime.observer;
  }

  /** As the kubelet starts: list the runtime, watch events, hear the sources. */
  async start(): Promise<this> {
    await this.devices.load();
    await this.claims.load();
    this.#userNamespaces = await UserNamespaces.open({
      ...{ podsDir: join(this.world.root, 'pods'), maxPods: 110, random: () => 0.5 },
      ids: async (idsPerPod) => everythingAbove(idsPerPod),
      supports: () => this.world.userNamespaces,
    });
    if (this.world.devicePlugins) await this.devices.serve();
    await Promise.all([this.allocated.load(), this.actuated.load()]);
    await this.#runtime.start();
    for (const pod of this.world.staticPods.values()) this.setStaticPod(pod);
    for (const pod of this.world.pods.values()) this.setPod(pod);
    this.ledger.open();
    this.workers.sourcesSynced();
    this.persistent.sourcesSynced();
    this.devices.prune();
    this.claims.prune();
    return this;
  }

  relist(): void {
    void this.#runtime.relist();
  }

  setPod(pod: Pod): void {
    const uid = pod.metadata!.uid!;
    this.world.pods.set(uid, pod);
    this.workers.set(pod, 'api');
    this.table.learn(uid, { kind: 'accepted', status: this.world.accepted.get(uid), written: false });
  }

  /** A manifest says so. Its mirror comes to be known with `showMirror`, as from the API server. */
  setStaticPod(pod: Pod): void {
    this.world.staticPods.set(pod.metadata!.uid!, pod);
    this.workers.set(pod, 'file');
  }

  /** The API server's Pods are known by now, and the static Pod's mirror is among them. */
  showMirror(uid: string): void {
    this.#mirrors.add(uid);
    this.table.learn(uid, { kind: 'mirror', mirror: { state: 'current' } });
    const status = this.world.accepted.get(uid) ?? { phase: 'Pending' };
    this.table.learn(uid, { kind: 'accepted', status, written: false });
    this.workers.get(uid)!.republish();
  }

  /** `kubectl delete`: the deletion is requested; the worker deletes the object in the end. */
  deletePod(uid: string, graceSeconds = 30): void {
    const pod = this.world.pods.get(uid)!;
    const metadata = {
      ...pod.metadata,
      deletionTimestamp: new Date().toISOString(),
      deletionGracePeriodSeconds: graceSeconds,
    };
    this.setPod({ ...pod, metadata });
  }

  setObject(key: string, object: FakeObject): void {
    this.world.objects.set(key, object);
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Whether this life of the node has found the Pod Ready, and the API server has it so: perhaps still from an earlier life. */
  isReady(uid: string): boolean {
    return saysReady(this.table.get(uid)?.status) && saysReady(this.status(uid));
  }

  status(uid: string): PodStatus | undefined {
    return this.world.accepted.get(uid);
  }

  /** kill -9: nothing of this life happens any more, calls under way are cut off. */
  crash(): void {
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#life[Symbol.dispose]();
    this.#own.dispose();
    this.gone ??= Promise.all([this.devices[Symbol.asyncDispose](), this.claims[Symbol.asyncDispose]()]).then(() => {});
  }

  #publish(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata!.uid!;
    if (this.world.staticPods.has(uid) && !this.#mirrors.has(uid)) return; // there is nowhere to write it yet
    if (this.#life.isOver || JSON.stringify(this.world.accepted.get(uid)) === JSON.stringify(status)) return;
    this.world.accepted.set(uid, status);
    this.world.statuses.set(uid, [...(this.world.statuses.get(uid) ?? []), status]);
    const current = this.world.pods.get(uid);
    if (current) this.world.pods.set(uid, { ...current, status });
    this.table.learn(uid, { kind: 'accepted', status, written: true });
  }

  #nodeFacts() {
    return {
      api: true,
      runtimeName: 'containerd',
      networkReady: this.networkReady,
      networkMessage: this.networkReady ? '' : 'cni config uninitialized',
      hostIPs: ['192.168.1.1'],
      primaryFamily: 4 as const,
      crashLoopMaxMs: 300_000,
      deviceHealth: true,
    };
  }

  #hook(call: string): Promise<void> {
    if (this.#life.isOver) return new Promise(() => {});
    this.world.hooks.push(call);
    return this.world.hook(call);
  }

  #objectSource() {
    return {
      state: (kind: string, namespace: string, name: string): ReferencedState => {
        const object = this.world.objects.get(`${kind} ${namespace}/${name}`);
        return object ? { state: 'present', version: object.metadata.resourceVersion } : { state: 'absent' };
      },
      subscribe: (_kind: string, _namespace: string, _name: string, onChange: () => void): Disposable => {
        this.#watchers.add(onChange);
        return { [Symbol.dispose]: () => this.#watchers.delete(onChange) };
      },
    };
  }

  #lookup = {
    get: (kind: string, namespace: string, name: string) => {
      const object = this.world.objects.get(`${kind} ${namespace}/${name}`);
      return object ? { state: 'present', object } : { state: 'absent' };
    },
  };

  #services(): Services {
    const { root } = this.world;
    const mounter = this.#mounter;
    return {
      clock: this.clock,
      log: silentLogger,
      cri: this.cri,
      gate: this.#own.use(new StartGate({ clock: this.clock })),
      ledger: this.ledger,
      images: new ImageManager(this.cri, this.clock),
      volumes: createVolumeManager({ root, mounter, persistent: this.persistent }),
      volumeContext: {
        objects: this.#lookup as never,
        token: async () => ({
          token: 'secret-token',
          expiresAt: this.clock.now().wall + 3_600_000,
          refreshAt: this.clock.now().wall + 3_000_000,
        }),
        nodeAllocatable: { memory: '8Gi', cpu: '4' },
      },
      allocated: this.allocated,
      actuated: this.actuated,
      cgroups: this.#life.bound(fakeCgroups(this.world), ['ensure', 'apply', 'remove']),
      userNamespaces: {
        of: (uid) => this.#userNamespaces?.of(uid) ?? null,
        ensure: async (pod, handler) => this.#userNamespaces?.ensure(pod, handler),
        release: async (uid) => this.#userNamespaces?.release(uid),
      },
      hooks: {
        postStart: (_pod, _container, id) => this.#hook(`postStart ${id}`),
        preStop: (_pod, _container, id) => this.#hook(`preStop ${id}`),
      },
      checkpoints: this.#life.bound(new FileCheckpoints(join(root, 'checkpoints')), ['save', 'remove']),
      api: {
        deletePod: async (_namespace, _name, uid) => {
          if (this.#life.isOver) return new Promise(() => {});
          this.world.deleted.push(uid);
          const pod = this.world.pods.get(uid);
          this.world.pods.delete(uid);
          if (pod) queueMicrotask(() => this.workers.remove(pod));
        },
        createMirror: async () => {},
        deleteMirror: async () => {},
      },
      spec: specNode(this.world),
      dns: () => ({
        hostResolvConf: this.world.resolvConf,
        clusterDNS: ['10.96.0.10'],
        clusterDomain: 'cluster.local',
        nodeIPs: ['192.168.1.1'],
      }),
      podsDir: join(root, 'pods'),
      containerLogsDir: join(root, 'containers'),
      hostsFile: () => this.world.hostsFile(),
      runtimeHandler: () => '',
      envLookups: async (_pod, _container, podIPs) => ({
        hasApiServer: true,
        configMaps: new Map(),
        secrets: new Map(),
        services: [],
        files: new Map(),
        hostIPs: ['192.168.1.1'],
        podIPs,
        allocatable: { cpu: '4', memory: '8Gi' },
      }),
      pullSecrets: ({ metadata, spec }) =>
        (spec?.imagePullSecrets ?? []).flatMap(({ name = '' }) => {
          const object = this.world.objects.get(`Secret ${metadata?.namespace}/${name}`);
          return object ? [{ type: 'kubernetes.io/dockerconfigjson', ...object, metadata: { name } }] : [];
        }),
      devices: this.devices,
      claims: this.claims,
      placement: this.world.own?.placement ?? ANYWHERE,
      recursiveReadOnly: () => true,
      sandboxConfigs: new Map(),
    };
  }
}

function saysReady(status: PodStatus | undefined): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}
