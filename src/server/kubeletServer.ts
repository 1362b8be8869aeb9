import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Metrics } from '../k8s/metrics/metrics.ts';
import { errorMessage } from '../lib/errors.ts';
import { returnMemory } from '../lib/linux/returnMemory.ts';
import type { Logger } from '../lib/logger.ts';
import { certificateVerdict } from './auth/clientCertificate.ts';
import type { AccessReviewer, TokenReviewer } from './auth/reviews.ts';
import type { ServerHost } from './host.ts';
import { Crowd } from './http/crowd.ts';
import { type Access, makeHandler } from './http/handler.ts';
import { type Listener, listen } from './http/listener.ts';
import { RequestMetrics } from './http/requestMetrics.ts';
import { findRoute, type Route } from './http/route.ts';
import { requestTarget } from './http/target.ts';
import { routes } from './routes/registry.ts';
import { ConnectionEpochs } from './tls/connectionEpochs.ts';
import { LiveTls } from './tls/liveTls.ts';
import { type ServingOptions, servingFiles } from './tls/servingFiles.ts';

export interface KubeletServerOptions {
  readonly host: ServerHost;
  readonly metrics: Metrics;
  readonly serving: ServingOptions;
  /** Absent without an API server or with the webhook off. */
  readonly token?: TokenReviewer;
  /** Absent with AlwaysAllow. */
  readonly review?: AccessReviewer;
  /** Other endpoints than kubelet's, for tests. */
  readonly routes?: Readonly<Record<string, Route>>;
}

/** The kubelet API on :10250 and, where configured, the read-only part of it on :10255. */
export interface KubeletServer extends AsyncDisposable {
  readonly secure: Listener;
  readonly readOnly: Listener | undefined;
}

/** Starts both listeners. Rejects with one sentence when a port is taken or a certificate cannot be used. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { host } = options;
  const { config, clock, log } = host;
  const table: Readonly<Record<string, Route>> = options.routes ?? routes;
  const requests = new RequestMetrics(
    options.metrics,
    Object.values(table).flatMap((r) => r.paths),
  );
  const own = new AsyncDisposableStack();
  try {
    const files = await servingFiles(options.serving, clock);
    const { clientCAFile } = config.authentication.x509;
    const tls = own.use(new LiveTls(files, { ...config, clientCAFile }, clock, log));
    const tlsOptions = await tls.load();
    const epochs = new ConnectionEpochs();
    const access = accessRules(options, tls, epochs, clientCAFile !== '');
    const crowd = own.use(new Crowd(clock, () => handBack(log)));
    const listener = {
      host: config.address,
      crowd,
      accept: { name: 'kubelet', clock, log },
      upgrades: (request: IncomingMessage) => upgrades(table, request),
    };
    const secure = own.use(
      await listen({
        ...listener,
        port: config.port,
        tls: tlsOptions,
        handler: makeHandler({ host, routes: table, requests, access }),
      }),
    );
    epochs.follow(secure.server, () => tls.servedEpoch);
    tls.follow(secure.server as never);
    const readOnly =
      config.readOnlyPort > 0
        ? own.use(
            await listen({
              ...listener,
              port: config.readOnlyPort,
              handler: makeHandler({ host, routes: table, requests }),
            }),
          )
        : undefined;
    return { secure, readOnly, [Symbol.asyncDispose]: () => own.disposeAsync() };
  } catch (error) {
    await own.disposeAsync();
    throw error;
  }
}

/** Hundreds of streams leave tens of MiB with the C library, which would keep them for ever. */
function handBack(log: Logger): void {
  returnMemory().catch((error: unknown) =>
    log.warn('the memory of closed connections was not handed back', { error: errorMessage(error) }),
  );
}

function accessRules(
  options: KubeletServerOptions,
  tls: LiveTls,
  epochs: ConnectionEpochs,
  certificates: boolean,
): Access {
  const { host, token, review } = options;
  const certificate = (request: IncomingMessage) => {
    const socket = request.socket as TLSSocket;
    return certificateVerdict(socket, epochs.of(socket), tls.clientCa, host.clock.now().wall);
  };
  return {
    authenticator: {
      anonymous: host.config.authentication.anonymous.enabled,
      ...(certificates ? { certificate } : {}),
      ...(token ? { token } : {}),
    },
    ...(review ? { review } : {}),
  };
}

function upgrades(table: Readonly<Record<string, Route>>, request: IncomingMessage): boolean {
  const target = requestTarget(request.url ?? '');
  return target !== undefined && findRoute(table, target.path)?.route.upgrades === true;
}
