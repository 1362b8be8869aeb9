import { Metrics } from '../../k8s/metrics/metrics.ts';
import { startTimeText } from './processMetrics.ts';

const CHECKS = ['device-plugin', 'log', 'ping', 'syncloop'] as const;

/** The answer of /metrics/slis (KEP-3466): each scrape is a look at the health checks. */
export class Slis {
  readonly #metrics = new Metrics();
  readonly #now;
  readonly #total;

  constructor() {
    this.#now = this.#metrics.gauge('kubernetes_healthcheck');
    this.#total = this.#metrics.counter('kubernetes_healthchecks_total');
  }

  /** `problems`: why the agent is not well, by check. */
  async text(problems: Readonly<Partial<Record<string, string | undefined>>>): Promise<string> {
    for (const name of CHECKS) {
      const well = problems[name] === undefined;
      this.#now.set(well ? 1 : 0, { name, type: 'healthz' });
      this.#total.inc({ name, type: 'healthz', status: well ? 'success' : 'error' });
    }
    return `${await this.#metrics.text()}\n${startTimeText('[ALPHA] ')}`;
  }
}
