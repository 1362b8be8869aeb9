import { ApiClient } from '../../api/client.ts';
import { ObjectStore } from '../../api/objectStore.ts';
import { ApiPodSource } from '../../api/podSource.ts';
import { Reflector } from '../../api/reflector.ts';
import { TokenManager } from '../../api/tokens.ts';
import { openClientConnection } from '../../config/certificates/clientConnection.ts';
import { EventRecorder } from '../../events/recorder.ts';
import { Listeners } from '../../lib/disposables.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import type { Node } from '../../types/k8s.ts';
import { restClientMetrics } from '../metrics/restClient.ts';
import type { Base } from './preflight.ts';

/** Everything that talks to the API server, built once; absent in standalone mode. */
export interface ApiConnection extends AsyncDisposable {
  /** Limited by kubeAPIQPS and kubeAPIBurst. */
  readonly client: ApiClient;
  /** Without a limit: heartbeats, the node's status and watches do not queue behind other calls. What outsiders cause has limits of its own. */
  readonly heartbeat: ApiClient;
  readonly store: ObjectStore;
  readonly tokens: TokenManager;
  readonly events: EventRecorder;
  readonly services: Reflector<'Service'>;
  readonly node: Reflector<'Node'>;
  readonly pods: ApiPodSource;
  /** Why the Pod watch is not connected; undefined while it is. */
  problem(): string | undefined;
  /** The API server's Node object of this node changed; undefined: it was deleted. */
  onNode(listener: (node: Node | undefined) => void): Disposable;
  /** The connection of the Pod watch came or went: `problem` tells. */
  onConnection(listener: () => void): Disposable;
}

/**
 * Connects lazily: an API server that is down is no error here. null without a kubeconfig (standalone). Rejects when the kubeconfig cannot
 * be read, or when the node has no certificate yet and none can be asked for.
 */
export async function connectApi(base: Base): Promise<ApiConnection | null> {
  const { clock, log, nodeName } = base;
  const { config, options } = base.loaded;
  if (!options.kubeconfig) return null;
  await using own = new AsyncDisposableStack();
  const heartbeat = await openHeartbeat(base, own);
  const client = heartbeat.withLimiter(new RateLimiter(clock, config.kubeAPIQPS, config.kubeAPIBurst));
  const { node, onNode } = ownNode(heartbeat, base, own);
  const { pods, problem, onConnection } = ownPods(heartbeat, base, own);
  const parts = {
    client,
    heartbeat,
    store: own.use(
      new ObjectStore(heartbeat, {
        clock,
        whole: { RuntimeClass: {}, CSIDriver: {} },
        // What Pods name must not become any number of requests at once; nothing else waits in these buckets.
        limiter: new RateLimiter(clock, config.kubeAPIQPS, config.kubeAPIBurst),
        pollLimiter: new RateLimiter(clock, config.kubeAPIQPS, config.kubeAPIBurst),
      }),
    ),
    tokens: new TokenManager(client, { clock }),
    events: own.use(
      new EventRecorder(heartbeat, {
        nodeName,
        clock,
        logger: log,
        qps: config.eventRecordQPS,
        burst: config.eventBurst,
        holdMs: 500,
      }),
    ),
    services: own.use(new Reflector(heartbeat, 'Service', {}, {}, { clock })),
    ...{ node, pods, problem, onNode, onConnection },
  };
  const kept = own.move();
  return { ...parts, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** The client for heartbeats: it follows the kubeconfig, and the certificate that the node may have to ask for first. */
async function openHeartbeat(base: Base, own: AsyncDisposableStack): Promise<ApiClient> {
  const { clock, log, nodeName } = base;
  const { config, options } = base.loaded;
  const { kubeconfig: file, bootstrapKubeconfig, certDir } = options;
  const kubeconfig = own.use(
    await openClientConnection({
      kubeconfig: file,
      bootstrapKubeconfig,
      certDir,
      nodeName,
      rotate: config.rotateCertificates,
      clock,
      log,
      metrics: base.metrics.metrics,
      onFatal: base.fatal.resolve,
    }),
  );
  const host = () => new URL(kubeconfig.current().server).host;
  const observe = restClientMetrics(base.metrics.metrics, host);
  const heartbeat = own.use(new ApiClient(kubeconfig.current(), { clock, observe, tracing: base.tracing?.spans }));
  own.use(kubeconfig.onChange((connection) => heartbeat.transport.setConfig(connection)));
  own.use(
    kubeconfig.onProblem((error) =>
      log.warn('the changed kubeconfig cannot be used; the old one stays', { error: error.message }),
    ),
  );
  return heartbeat;
}

/** This node's object, watched. */
function ownNode(heartbeat: ApiClient, { nodeName, clock }: Base, own: AsyncDisposableStack) {
  const nodeSeen = new Listeners<[Node | undefined]>();
  const node = own.use(
    new Reflector(
      heartbeat,
      'Node',
      { fieldSelector: `metadata.name=${nodeName}` },
      {
        onAdd: (n) => nodeSeen.emit(n),
        onUpdate: (n) => nodeSeen.emit(n),
        onDelete: () => nodeSeen.emit(undefined),
      },
      { clock },
    ),
  );
  return { node, onNode: (listener: (node: Node | undefined) => void) => nodeSeen.add(listener) };
}

/** This node's Pods, watched, and whether that watch is connected. */
function ownPods(heartbeat: ApiClient, { nodeName, clock }: Base, own: AsyncDisposableStack) {
  const connection = new Listeners<[]>();
  let problem: string | undefined = 'not connected yet';
  const pods = own.use(
    new ApiPodSource(heartbeat, nodeName, {
      clock,
      onState: (state) => {
        problem = state.state === 'retrying' ? state.reason : undefined;
        connection.emit();
      },
    }),
  );
  return { pods, problem: () => problem, onConnection: (listener: () => void) => connection.add(listener) };
}
