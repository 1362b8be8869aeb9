import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Prometheus' own bucket borders, in seconds: where kubelet names none. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export type Labels = Readonly<Record<string, string>>;

export interface CounterMetric {
  inc(labels?: Labels, by?: number): void;
  /** Drops one series, e.g. of a Pod that is gone. */
  remove(labels: Labels): void;
}
export interface GaugeMetric {
  set(value: number, labels?: Labels): void;
  inc(labels?: Labels, by?: number): void;
  /** Drops one series, e.g. of a Pod that is gone. */
  remove(labels: Labels): void;
  /** Drops all series: for gauges that are filled anew at each scrape. */
  reset(): void;
}
export interface HistogramMetric {
  observe(value: number, labels?: Labels): void;
  /** Drops one series. */
  remove(labels: Labels): void;
}

/** A set of metrics; prom-client stays behind it so that it can be replaced. Asking twice for a name gives the same metric. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #made = new Map<string, Counter | Gauge | Histogram>();
  static readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';

  counter(name: string, help: string, labels: readonly string[] = []): CounterMetric {
    const metric = this.#once(
      name,
      () => new Counter({ name, help, labelNames: [...labels], registers: [this.#registry] }),
    );
    return {
      inc: (values, by = 1) => (values ? metric.inc(values, by) : metric.inc(by)),
      remove: (values) => metric.remove(values),
    };
  }

  /** `collect` runs at each scrape and may set the gauge then. */
  gauge(
    name: string,
    help: string,
    labels: readonly string[] = [],
    collect?: (gauge: GaugeMetric) => void,
  ): GaugeMetric {
    const metric = this.#once(name, () => {
      const options = { name, help, labelNames: [...labels], registers: [this.#registry] };
      return new Gauge(collect ? { ...options, collect: () => collect(wrapped) } : options);
    });
    const wrapped: GaugeMetric = {
      set: (value, values) => (values ? metric.set(values, value) : metric.set(value)),
      inc: (values, by = 1) => (values ? metric.inc(values, by) : metric.inc(by)),
      remove: (values) => metric.remove(values),
      reset: () => metric.reset(),
    };
    return wrapped;
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): HistogramMetric {
    const metric = this.#once(
      name,
      () => new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers: [this.#registry] }),
    );
    return {
      observe: (value, values) => (values ? metric.observe(values, value) : metric.observe(value)),
      remove: (values) => metric.remove(values),
    };
  }

  /** All metrics in Prometheus' text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #once<T extends Counter | Gauge | Histogram>(name: string, make: () => T): T {
    const existing = this.#made.get(name);
    if (existing !== undefined) return existing as T;
    const metric = make();
    this.#made.set(name, metric);
    return metric;
  }
}

/**
 * Whether a label's value still gets a series: the first `count` values do. Who registers (a plug-in, a driver) may choose any number of names,
 * and each would be a series for ever.
 */
export function atMost(count: number): (value: string) => boolean {
  const known = new Set<string>();
  return (value) => known.has(value) || (known.size < count && !!known.add(value));
}
