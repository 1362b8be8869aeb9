import { Metrics } from '../../k8s/metrics/metrics.ts';
import { send, writeSlowly } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';

/** The agent's own metrics, under kubelet's names. */
export const metrics: Route = {
  paths: ['/metrics'],
  readOnly: true,
  handle: async (exchange, host) => send(exchange, 200, Metrics.contentType, await host.metrics.text()),
};

/** Results of probes. */
export const probeMetrics: Route = {
  paths: ['/metrics/probes'],
  readOnly: true,
  handle: async (exchange, host) => send(exchange, 200, Metrics.contentType, await host.metrics.probes()),
};

/** Health checks as metrics (KEP-3466). */
export const sliMetrics: Route = {
  paths: ['/metrics/slis'],
  readOnly: true,
  handle: async (exchange, host) => send(exchange, 200, Metrics.contentType, await host.metrics.slis()),
};

/** CPU and memory of node, Pods and containers: what the metrics server reads. */
export const resourceMetrics: Route = {
  paths: ['/metrics/resource'],
  readOnly: true,
  handle: async (exchange, host) => send(exchange, 200, Metrics.contentType, await host.summary.resourceMetrics()),
};

/** What cAdvisor says of the machine and its cgroups. */
export const cadvisorMetrics: Route = {
  paths: ['/metrics/cadvisor'],
  readOnly: true,
  async handle({ response, method, signal }, host) {
    response.writeHead(200, { 'content-type': Metrics.contentType, 'x-content-type-options': 'nosniff' });
    if (method !== 'HEAD') {
      for await (const piece of host.summary.cadvisorMetrics()) {
        if (signal.aborted) return;
        if (piece !== '') await writeSlowly(response, Buffer.from(piece), signal);
      }
    }
    response.end();
  },
};
