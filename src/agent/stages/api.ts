import { ApiClient } from '../../api/client.ts';
import { ObjectStore } from '../../api/objectStore.ts';
import { ApiPodSource } from '../../api/podSource.ts';
import { Reflector } from '../../api/reflector.ts';
import { TokenManager } from '../../api/tokens.ts';
import { openClientConnection } from '../../config/certificates/clientConnection.ts';
import type { KubeletConfiguration } from '../../config/kubeletConfiguration.ts';
import type { KubeletOptions } from '../../config/options.ts';
import { EventRecorder } from '../../events/recorder.ts';
import type { Clock } from '../../lib/clock.ts';
import { RateLimiter } from '../../lib/limiter.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Metrics } from '../../lib/metrics.ts';
import type { Node } from '../../types/k8s.ts';

/** Everything that talks to the API server, built once; absent in standalone mode. */
export interface ApiSide extends AsyncDisposable {
  /** Limited by kubeAPIQPS and kubeAPIBurst. */
  readonly client: ApiClient;
  /** Without a limit: heartbeats, the node's status, Pod status and deletion do not queue behind other calls. */
  readonly heartbeat: ApiClient;
  readonly store: ObjectStore;
  readonly tokens: TokenManager;
  readonly events: EventRecorder;
  readonly services: Reflector<'Service'>;
  readonly node: Reflector<'Node'>;
  readonly pods: ApiPodSource;
  /** Why the Pod watch is not connected; undefined while it is. */
  problem(): string | undefined;
}

export interface ApiSideOptions {
  readonly options: KubeletOptions;
  readonly config: KubeletConfiguration;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The API server's Node object of this node changed. */
  onNode(node: Node | undefined): void;
  /** The connection of the Pod watch came or went. */
  onConnection(): void;
  /** The node can do nothing any more without a new start. */
  onFatal(error: Error): void;
}

/** Connects lazily: an API server that is down is no error here. Throws when the kubeconfig cannot be read. */
export async function apiSide(options: ApiSideOptions): Promise<ApiSide> {
  const { config, clock, log, nodeName } = options;
  const own = new AsyncDisposableStack();
  const { kubeconfig: file, bootstrapKubeconfig, certDir } = options.options;
  const kubeconfig = own.use(
    await openClientConnection({
      kubeconfig: file,
      bootstrapKubeconfig,
      certDir,
      nodeName,
      rotate: config.rotateCertificates,
      clock,
      log,
      metrics: options.metrics,
      onFatal: options.onFatal,
    }),
  );
  const heartbeat = own.use(new ApiClient(kubeconfig.current(), { clock }));
  own.use(kubeconfig.onChange((connection) => heartbeat.transport.setConfig(connection)));
  own.use(
    kubeconfig.onProblem((error) =>
      log.warn('the changed kubeconfig cannot be used; the old one stays', { error: error.message }),
    ),
  );
  const client = heartbeat.withLimiter(new RateLimiter(clock, config.kubeAPIQPS, config.kubeAPIBurst));
  let problem: string | undefined = 'not connected yet';
  const pods = own.use(
    new ApiPodSource(heartbeat, nodeName, {
      clock,
      onState: (state) => {
        problem = state.state === 'retrying' ? state.reason : undefined;
        options.onConnection();
      },
    }),
  );
  const node = own.use(
    new Reflector(
      heartbeat,
      'Node',
      { fieldSelector: `metadata.name=${nodeName}` },
      {
        onAdd: (n) => options.onNode(n),
        onUpdate: (n) => options.onNode(n),
        onDelete: () => options.onNode(undefined),
      },
      { clock },
    ),
  );
  return {
    client,
    heartbeat,
    store: own.use(new ObjectStore(heartbeat, { clock, whole: { RuntimeClass: {} } })),
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
    node,
    pods,
    problem: () => problem,
    [Symbol.asyncDispose]: () => own.disposeAsync(),
  };
}
