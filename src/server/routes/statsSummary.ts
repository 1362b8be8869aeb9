import { wholeSeconds } from '../../stats/shapes.ts';
import { sendJson } from '../http/exchange.ts';
import type { Route } from '../http/route.ts';

/** Resource usage of node and Pods (stats/v1alpha1). */
export const statsSummary: Route = {
  paths: ['/stats/summary'],
  methods: ['GET', 'POST'],
  readOnly: true,
  async handle(exchange, host) {
    const only = /^(1|t|T|TRUE|true|True)$/.test(exchange.query.get('only_cpu_and_memory') ?? '');
    sendJson(exchange, JSON.stringify(await host.summary.summary(only), wholeSeconds));
  },
};
