import { FilePodSource } from './api/manifests/fileSource.ts';
import type { StaticPodSource } from './api/manifests/staticPods.ts';
import { UrlPodSource } from './api/manifests/urlSource.ts';
import { mergedPodSource } from './api/mergedPodSource.ts';
import type { LoadedConfiguration } from './config/load.ts';
import { KUBERNETES_VERSION } from './config/version.ts';
import { connectCri } from './cri/client.ts';
import { Gate } from './cri/gate.ts';
import { AgentMetrics } from './kubelet/agentMetrics.ts';
import { type ApiSide, apiSide } from './kubelet/apiSide.ts';
import { makeCgroups } from './kubelet/cgroupSide.ts';
import { EventSide } from './kubelet/eventSide.ts';
import { serveHealthz } from './kubelet/healthz.ts';
import { Housekeeping } from './kubelet/housekeeping.ts';
import { prepareNode } from './kubelet/hygieneSide.ts';
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
import { recordTo } from './kubelet/recording.ts';
import { requestServing } from './kubelet/requestServing.ts';
import { PodBoard, startServer } from './kubelet/serverSide.ts';
import { makeServices } from './kubelet/services.ts';
import { followSources } from './kubelet/sourceSide.ts';
import { StatusSide } from './kubelet/statusSide.ts';
import { type Clock, realClock } from './lib/clock.ts';
import { errorMessage } from './lib/errors.ts';
import type { Logger } from './lib/logger.ts';
import { startDebugServer } from './server/debugServer.ts';
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
  const { config, options } = loaded;
  const own = new AsyncDisposableStack();
  try {
    return await assemble(loaded, log, clock, own, nodeNameOf(options), config);
  } catch (error) {
    await own.disposeAsync();
    throw error;
  }
}

async function assemble(
  loaded: LoadedConfiguration,
  log: Logger,
  clock: Clock,
  own: AsyncDisposableStack,
  nodeName: string,
  config: LoadedConfiguration['config'],
): Promise<Kubelet> {
  const { options, gates } = loaded;
  const rootDir = options.rootDir.replace(/\/+$/, '');
  const fatal = Promise.withResolvers<Error>();
  const hygiene = own.use(await prepareNode(loaded, rootDir, { clock, log, onFatal: fatal.resolve }));
  own.use(await serveHealthz(config.healthzBindAddress, config.healthzPort));
  const metrics = new AgentMetrics(nodeName, KUBERNETES_VERSION, () => side.workers);
  const probeMetrics = new ProbeMetrics();
  const cri = own.use(
    connectCri({
      runtimeEndpoint: config.containerRuntimeEndpoint,
      imageEndpoint: config.imageServiceEndpoint || undefined,
      requestTimeoutMs: config.runtimeRequestTimeout,
      onCall: (call) => metrics.call(call),
    }),
  );
  const recorder = new Recorder(options.tsRecordDir ? recordTo(options.tsRecordDir) : undefined);
  const mirrors = new Mirrors();
  const board = new PodBoard(() => side.workers, mirrors);
  const logs = own.use(new LogSide(config, cri, clock, log));
  const gate = own.use(new Gate({ clock, ...(options.tsGateLimit > 0 ? { limit: options.tsGateLimit } : {}) }));
  const events = new EventSide(recorder, log);
  const node = own.use(
    await NodeSide.create({
      config,
      settings: nodeSettings(config, options, gates),
      rootDir,
      cri,
      clock,
      log,
      recordEvent: (event) => events.node(event, nodeName),
    }),
  );
  const ledger = new LedgerSide(config, node);
  const api = options.kubeconfig
    ? own.use(
        await apiSide({
          options,
          config,
          nodeName,
          clock,
          log,
          onNode: (object) => {
            node.seen(object);
            ledger.refresh();
          },
          onConnection: () => {
            side.workers.wakeAll();
            // Static Pods must start while the API server is away; whoever runs already has asked by now.
            if (api?.problem() !== undefined) ledger.ledger.open();
          },
          onFatal: fatal.resolve,
        }),
      )
    : null;
  events.api = api?.events ?? null;
  const manifests = staticSources(loaded, nodeName, clock);
  for (const source of manifests) {
    own.use(source);
    own.use(logManifests(source, log));
  }
  const objects = api ? apiObjects(api.store, api.tokens) : standaloneObjects(manifests);
  const cgroups = await makeCgroups(config, options, cri, node.machine, log);
  const status = api ? own.use(new StatusSide(api.heartbeat, clock, recorder, mirrors, () => side.workers)) : null;
  const probes = own.use(new ProbeSide(cri, clock, events, (metric) => probeMetrics.attempt(metric)));
  const qos = new QosSide(cgroups, log);
  const services = () =>
    makeServices({
      loaded,
      clock,
      log,
      cri,
      gate,
      ledger: ledger.ledger,
      node,
      objects,
      api,
      mirrors,
      cgroups,
      hooks: probes.hooks,
      rootDir,
      workers: () => side.workers,
    });
  const side: PodSide = own.use(
    new PodSide({
      cri,
      clock,
      log,
      recorder,
      rootDir,
      objects,
      gate,
      services,
      nodeFacts: () =>
        node.facts(api !== null, api?.problem(), config.crashLoopBackOff?.maxContainerRestartPeriod ?? 300_000),
      hooks: {
        opened: () => {},
        decided: (worker) => {
          probes.follow(worker);
          board.changed(worker.uid);
          logs.follow(worker);
          metrics.decided(worker);
          qos.follow(worker);
        },
        publish: (pod, wanted) => status?.publish(pod, wanted),
        done: (uid) => {
          status?.forget(uid);
          probes.forget(uid);
          board.changed(uid);
          logs.forget(uid);
          metrics.forget(uid);
          qos.forget(uid);
        },
        event: (pod, facts, event) => events.pod(pod, facts, event),
        actionEnded: (uid, action, ms, error) =>
          metrics.action(side.workers.get(uid)?.last?.facts, uid, action, ms, error),
      },
    }),
  );
  probes.onChange(() => side.workers);
  ledger.onVerdict(() => side.workers, events);
  node.onFacts(() => side.workers.wakeAll());
  node.start();
  // Before the runtime answers, which may take longer than systemd waits for a service: kubelet too says it this early.
  hygiene.ready();
  await side.start();
  const sources = own.use(mergedPodSource([...manifests, ...(api ? [api.pods] : [])]));
  const housekeeping = own.use(new Housekeeping({ side, cgroups, podLogsDir: config.podLogsDir, clock, log }));
  followSources({
    sources,
    api,
    mirrors,
    side,
    status,
    ledger: ledger.ledger,
    log,
    onSynced: () => housekeeping.start(),
  });
  for (const source of manifests) source.start();
  if (api) serveApi(api, node, ledger, log, nodeName);
  const explanations = explanationSource(recorder, side);
  if (options.tsDebugAddress !== 'off') own.use(await debugServer(options.tsDebugAddress, explanations));
  const addresses = node.hostIPs();
  const serverOptions = {
    loaded,
    nodeName,
    rootDir,
    addresses,
    cri,
    clock,
    log,
    api,
    explanations,
    metrics,
    probeMetrics,
  };
  const serving = own.use(await requestServing({ loaded, api, node, clock, log }));
  own.use(await startServer({ ...serverOptions, pods: board, serving, unhealthy: () => undefined }));
  log.info('kubelet-ts is running', {
    node: nodeName,
    standalone: api === null,
    runtime: config.containerRuntimeEndpoint,
  });
  return { nodeName, fatal: fatal.promise, [Symbol.asyncDispose]: () => own.disposeAsync() };
}

/** The API Pod source starts only after the Node object was read (design rule 5). */
function serveApi(api: ApiSide, node: NodeSide, ledger: LedgerSide, log: Logger, nodeName: string): void {
  api.services.start();
  ledger.readNode = () => api.heartbeat.get('Node', { name: nodeName });
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

function staticSources(
  { config, options, gates }: LoadedConfiguration,
  nodeName: string,
  clock: Clock,
): StaticPodSource[] {
  const rules = {
    standalone: options.kubeconfig === '',
    preventApiReferences: gates.enabled('PreventStaticPodAPIReferences'),
  };
  const sources: StaticPodSource[] = [];
  if (config.staticPodPath)
    sources.push(
      new FilePodSource({ nodeName, rules, clock, path: config.staticPodPath, rescanMs: config.fileCheckFrequency }),
    );
  if (config.staticPodURL) {
    sources.push(
      new UrlPodSource({
        nodeName,
        rules,
        clock,
        url: config.staticPodURL,
        headers: config.staticPodURLHeader ?? {},
        periodMs: config.httpCheckFrequency,
      }),
    );
  }
  return sources;
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

function debugServer(address: string, source: ExplanationSource) {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  return startDebugServer(host, Number(address.slice(at + 1)), source);
}
