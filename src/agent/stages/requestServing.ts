import {
  type RequestedServingSource,
  requestedServingCertificate,
} from '../../config/certificates/requestedServing.ts';
import type { LoadedConfiguration } from '../../config/load.ts';
import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { LocalNode } from '../../node/localNode.ts';
import type { ApiConnection } from './api.ts';

export interface RequestServingOptions {
  readonly loaded: LoadedConfiguration;
  readonly api: ApiConnection | null;
  readonly node: LocalNode;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The serving certificate that the cluster signs, with serverTLSBootstrap and an API server; it follows the Node's addresses. */
export async function requestServing(options: RequestServingOptions): Promise<RequestedServingSource | undefined> {
  const { loaded, api, node, clock, log, metrics } = options;
  const { config } = loaded;
  if (!config.serverTLSBootstrap || !api) return undefined;
  const files = { cert: config.tlsCertFile, key: config.tlsPrivateKeyFile };
  const source = await requestedServingCertificate({
    client: api.client,
    certDir: loaded.options.certDir,
    nodeName: node.name,
    addresses: () => node.node.status?.addresses ?? [],
    clock,
    log,
    metrics,
    ...(files.cert && files.key ? { files } : {}),
  });
  const following = node.onSeen(() => source.addressesChanged());
  return {
    ...source,
    [Symbol.dispose]() {
      following[Symbol.dispose]();
      source[Symbol.dispose]();
    },
  };
}
