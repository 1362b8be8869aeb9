import { staticPodSources } from './api/manifests/staticPodSources.ts';
import type { StaticPodSource } from './api/manifests/staticPods.ts';
import { mergedPodSource } from './api/mergedPodSource.ts';
import type { CgroupManager } from './cgroups/contract.ts';
import type { LoadedConfiguration } from './config/load.ts';
import { KUBERNETES_VERSION } from './config/version.ts';
import { type Cri, connectCri } from './cri/client.ts';
import { Gate } from './cri/gate.ts';
import { AgentMetrics, recorderMetric } from './kubelet/agentMetrics.ts';
import { type ApiSide, apiSide } from './kubelet/apiSide.ts';
import { makeCgroups } from './kubelet/cgroupSide.ts';
import { serveExplanations } from './kubelet/debugSide.ts';
import { containerLogsDir } from './kubelet/directories.ts';
import { EventSide } from './kubelet/eventSide.ts';
import { Healthz } from './kubelet/healthz.ts';
import { Housekeeping } from './kubelet/housekeeping.ts';
import { type Hygiene, prepareNode } from './kubelet/hygieneSide.ts';
import { LedgerSide } from './kubelet/ledgerSide.ts';
import { LogSide } from './kubelet/logSide.ts';
import { logManifests } from './kubelet/manifestLog.ts';
import { Mirrors } from './kubelet/mirrors.ts';
import { NodeSide, nodeNameOf, nodeSettings } from './kubelet/nodeSide.ts';
import { apiObjects, localObjects, type PodObjects } from './kubelet/objects.ts';
import { PodSide } from './kubelet/podSide.ts';
import { ProbeMetrics } from './kubelet/probeMetrics.ts';
import { ProbeSide } from './kubelet/probeSide.ts';
import { QosSide } from './kubelet/qosSide.ts';
import { RecordDir } from './kubelet/recordDir.ts';
import { logAction } from './kubelet/recording.ts';
import { requestServing } from './kubelet/requestServing.ts';
import { refuseUnaskable } from './kubelet/serverRights.ts';
import { PodBoard, startServer } from './kubelet/serverSide.ts';
import { makeServices } from './kubelet/services.ts';
import { followSources, removeOrphanMirrors } from './kubelet/sourceSide.ts';
import { StatusSide } from './kubelet/statusSide.ts';
import { SyncLoopHealth } from './kubelet/syncLoopHealth.ts';
import { type Clock, realClock } from './lib/clock.ts';
import { errorMessage } from './lib/errors.ts';
import { createMounter } from './lib/linux/mounter.ts';
import type { Logger } from './lib/logger.ts';
import type { NodeEvent } from './node/types.ts';
import type { PodWorker } from './podworker/worker.ts';
import type { PodWorkers } from './podworker/workers.ts';
import type { ExplanationSource } from './server/routes/podExplanation.ts';
import { Recorder } from './timeline/recorder.ts';

/** A running node agent. Disposing ends the agent and leaves its Pods running. */
export interface Kubelet extends AsyncDisposable {
  readonly nodeName: string;
  /** Resolves when the agent can do nothing any more without a new start: the process should end with this error. */
  readonly fatal: Promise<Error>;
}

/** Builds the modules, connects them and starts them; no logic of its own. Rejects with one sentence when it cannot start. */
export async function startKubelet(
  loaded: LoadedConfiguration,
  log: Logger,
  clock: Clock = realClock,
): Promise<Kubelet> {
  refuseUnaskable(loaded);
  const own = new AsyncDisposableStack();
  try {
    const base = await makeBase(loaded, log, clock, own);
    const api = loaded.options.kubeconfig ? own.use(await connectApi(base)) : null;
    const pods = await makePods(base, api);
    await run(base, api, pods);
    return { nodeName: base.nodeName, fatal: base.fatal.promise, [Symbol.asyncDispose]: () => own.disposeAsync() };
  } catch (error) {
    await own.disposeAsync();
    throw error;
  }
}

/** What everything else is built on. `own` ends what was started, last first. */
interface Base {
  readonly loaded: LoadedConfiguration;
  readonly log: Logger;
  readonly clock: Clock;
  readonly own: AsyncDisposableStack;
  readonly nodeName: string;
  readonly rootDir: string;
  readonly fatal: PromiseWithResolvers<Error>;
  readonly hygiene: Hygiene;
  readonly health: SyncLoopHealth;
  readonly cri: Cri;
  readonly recorder: Recorder;
  readonly mirrors: Mirrors;
  readonly events: EventSide;
  readonly metrics: AgentMetrics;
  readonly node: NodeSide;
  readonly ledger: LedgerSide;
  /** The workers; there once `makePods` is through, which is before anything asks. */
  workers(): PodWorkers;
  setWorkers(workers: PodWorkers): void;
  /** The Pod watch is connected (again): writes that wait for their next try go out. */
  apiBack(): void;
  setApiBack(act: () => void): void;
}

async function makeBase(
  loaded: LoadedConfiguration,
  log: Logger,
  clock: Clock,
  own: AsyncDisposableStack,
): Promise<Base> {
  const { config, options, gates } = loaded;
  const nodeName = nodeNameOf(options);
  const rootDir = options.rootDir.replace(/\/+$/, '');
  const fatal = Promise.withResolvers<Error>();
  const health = new SyncLoopHealth(clock, config.syncFrequency);
  const healthy = () => health.problem();
  const hygiene = own.use(await prepareNode(loaded, rootDir, { clock, log, onFatal: fatal.resolve, healthy }));
  await own.use(new Healthz(clock, log)).serve(config.healthzBindAddress, config.healthzPort);
  let found: PodWorkers | undefined;
  const workers = () => found as PodWorkers;
  const metrics = new AgentMetrics(nodeName, KUBERNETES_VERSION, workers);
  const cri = own.use(
    connectCri({
      runtimeEndpoint: config.containerRuntimeEndpoint,
      imageEndpoint: config.imageServiceEndpoint || undefined,
      requestTimeoutMs: config.runtimeRequestTimeout,
      onCall: (call) => metrics.call(call),
    }),
  );
  const recorder = new Recorder(options.tsRecordDir ? own.use(new RecordDir(options.tsRecordDir, log)) : undefined);
  recorderMetric(metrics.metrics, recorder);
  const events = new EventSide(recorder, log);
  const settings = nodeSettings(config, options, gates);
  const recordEvent = (event: NodeEvent) => events.node(event, nodeName);
  const node = own.use(
    await NodeSide.create({ config, settings, rootDir, cri, mounter: createMounter(), clock, log, recordEvent }),
  );
  const ledger = new LedgerSide(config, node);
  const setWorkers = (made: PodWorkers) => {
    found = made;
  };
  let back = () => {};
  const apiBack = () => back();
  const setApiBack = (act: () => void) => {
    back = act;
  };
  const mirrors = new Mirrors();
  const parts = {
    health,
    cri,
    recorder,
    mirrors,
    events,
    metrics,
    node,
    ledger,
    workers,
    setWorkers,
    apiBack,
    setApiBack,
  };
  return { loaded, log, clock, own, nodeName, rootDir, fatal, hygiene, ...parts };
}

async function connectApi(base: Base): Promise<ApiSide> {
  const { loaded, nodeName, clock, log, node, ledger, fatal } = base;
  const { config, options } = loaded;
  const api: ApiSide = await apiSide({
    options,
    config,
    nodeName,
    clock,
    log,
    metrics: base.metrics.metrics,
    onNode: (object) => {
      node.seen(object);
      ledger.refresh();
    },
    onConnection: () => {
      base.workers()?.wakeAll();
      // Static Pods must start while the API server is away; whoever runs already has asked by now.
      if (api.problem() !== undefined) ledger.ledger.open();
      else base.apiBack();
    },
    onFatal: fatal.resolve,
  });
  base.events.api = api.events;
  return api;
}

/** Something that follows each Pod's decisions until it is over. */
interface Follower {
  follow(worker: PodWorker): void;
  forget(uid: string): void;
}

interface Pods {
  readonly side: PodSide;
  readonly status: StatusSide | null;
  readonly manifests: readonly StaticPodSource[];
  readonly cgroups: CgroupManager;
  readonly board: PodBoard;
  readonly probeMetrics: ProbeMetrics;
}

async function makePods(base: Base, api: ApiSide | null): Promise<Pods> {
  const { loaded, nodeName, rootDir, clock, log, own, cri, recorder, mirrors, events, metrics, node, ledger } = base;
  const { config, options } = loaded;
  const manifests = staticSources(loaded, nodeName, clock);
  for (const source of manifests) {
    own.use(source);
    own.use(logManifests(source, log));
  }
  const objects = api ? apiObjects(api.store, api.tokens) : standaloneObjects(manifests);
  const cgroups = await makeCgroups(config, cri, node.machine, log, (event) => events.node(event, nodeName));
  const status = api ? own.use(new StatusSide(api.heartbeat, clock, recorder, mirrors, base.workers)) : null;
  base.setApiBack(() => status?.publisher.apiBack());
  const probeMetrics = new ProbeMetrics();
  const probes = own.use(new ProbeSide(cri, clock, events, (metric) => probeMetrics.attempt(metric)));
  const board = new PodBoard(base.workers, mirrors);
  const boardFollower = { follow: (w: PodWorker) => board.changed(w.uid), forget: (uid: string) => board.changed(uid) };
  const metricsFollower = {
    follow: (w: PodWorker) => metrics.decided(w),
    forget: (uid: string) => {
      metrics.forget(uid);
      probeMetrics.forget(uid);
    },
  };
  const logs = own.use(new LogSide(config, cri, clock, log));
  const followers: Follower[] = [probes, boardFollower, logs, metricsFollower, new QosSide(cgroups, log)];
  const gate = own.use(new Gate({ clock, ...(options.tsGateLimit > 0 ? { limit: options.tsGateLimit } : {}) }));
  const crashLoopMaxMs = config.crashLoopBackOff?.maxContainerRestartPeriod ?? 300_000;
  const shared = { clock, log, cri, gate, node, objects, rootDir };
  const services = () =>
    makeServices({
      ...shared,
      loaded,
      ledger: ledger.ledger,
      api,
      mirrors,
      cgroups,
      hooks: probes.hooks,
      workers: base.workers,
    });
  const side = own.use(
    new PodSide({
      ...shared,
      recorder,
      services,
      nodeFacts: () => node.facts(api !== null, api?.problem(), crashLoopMaxMs),
      hooks: {
        opened: () => {},
        listed: () => base.health.turned(),
        decided: (worker) => {
          for (const follower of followers) follower.follow(worker);
        },
        publish: (pod, wanted) => status?.publish(pod, wanted),
        done: (uid) => {
          status?.forget(uid);
          api?.tokens.forget(uid);
          for (const follower of followers) follower.forget(uid);
        },
        event: (pod, facts, event) => events.pod(pod, facts, event),
        actionEnded: (uid, action, ms, error) => {
          const worker = base.workers().get(uid);
          metrics.action(worker?.last?.facts, uid, action, ms, error);
          logAction(log, worker, action, ms, error);
        },
      },
    }),
  );
  base.setWorkers(side.workers);
  probes.onChange(base.workers);
  return { side, status, manifests, cgroups, board, probeMetrics };
}

/** Starts everything in the order that design rule 5 asks for: the runtime is known before the sources are heard. */
async function run(base: Base, api: ApiSide | null, pods: Pods): Promise<void> {
  const { loaded, nodeName, rootDir, clock, log, own, cri, recorder, mirrors, events, metrics, node, ledger } = base;
  const { config, options } = loaded;
  const { side, status, manifests, cgroups, board, probeMetrics } = pods;
  ledger.onVerdict(base.workers, events);
  node.onFacts(() => side.workers.wakeAll());
  node.start();
  // Before the runtime answers, which may take longer than systemd waits for a service: kubelet too says it this early.
  base.hygiene.ready();
  await side.start();
  const explanations = explanationSource(recorder, side);
  own.use(await serveExplanations({ options, source: explanations, clock, log }));
  // Before the Node can become Ready: a server that cannot be opened (a client CA that is not there) ends the start.
  const serving = own.use(await requestServing({ loaded, api, node, clock, log, metrics: metrics.metrics }));
  const shared = { loaded, nodeName, rootDir, cri, clock, log, api, explanations, metrics, probeMetrics, serving };
  const { machine } = node;
  own.use(
    await startServer({
      ...shared,
      cgroups,
      machine,
      addresses: node.hostIPs(),
      pods: board,
      unhealthy: () => base.health.problem(),
    }),
  );
  const sources = own.use(mergedPodSource([...manifests, ...(api ? [api.pods] : [])]));
  const housekeeping = own.use(
    new Housekeeping({
      ...{ side, cgroups, podLogsDir: config.podLogsDir, containerLogsDir, clock, log },
      removeOrphanMirrors: () => removeOrphanMirrors({ mirrors, side, api }),
    }),
  );
  const onSynced = () => housekeeping.start();
  own.use(followSources({ sources, api, mirrors, side, status, ledger: ledger.ledger, clock, log, onSynced }));
  for (const source of manifests) source.start();
  if (api) serveApi(api, node, ledger, log, nodeName);
  const runtime = config.containerRuntimeEndpoint;
  log.info('kubelet-ts is running', { node: nodeName, standalone: api === null, runtime });
}

/** The API Pod source starts only after the Node object was read (design rule 5). */
function serveApi(api: ApiSide, node: NodeSide, ledger: LedgerSide, log: Logger, nodeName: string): void {
  api.services.start();
  ledger.readNode = () => api.heartbeat.get('Node', { name: nodeName }, { timeoutMs: 1000 });
  const onNode = () => ledger.refresh();
  let started = false;
  node
    .serve(
      api,
      () => {
        onNode();
        if (!started) api.pods.start();
        started = true;
      },
      // Static Pods must start while the API server is away: that is how control planes boot.
      () => ledger.ledger.open(),
    )
    .catch((error) => log.error('the Node object is no longer served', { node: nodeName, error: errorMessage(error) }));
}

function staticSources({ config, options, gates }: LoadedConfiguration, nodeName: string, clock: Clock) {
  const rules = {
    standalone: options.kubeconfig === '',
    preventApiReferences: gates.enabled('PreventStaticPodAPIReferences'),
  };
  const settings = { ...config, staticPodURLHeader: config.staticPodURLHeader ?? {} };
  return staticPodSources(settings, { nodeName, rules, clock });
}

function standaloneObjects(manifests: readonly StaticPodSource[]): PodObjects {
  return localObjects(
    (kind, namespace, name) => manifests.map((s) => s.object(kind, namespace, name)).find((o) => o !== undefined),
    (changed) => {
      const stack = new DisposableStack();
      for (const source of manifests) stack.use(source.onObject(changed));
      return stack;
    },
  );
}

function explanationSource(recorder: Recorder, side: PodSide): ExplanationSource {
  const refresh = () => side.services.images.refreshProgress();
  return { recorder, mono: () => performance.now(), refresh };
}
