import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { FAMILIES, type FamilyName, type LabelOf } from './families.ts';
import type { Family } from './family.ts';

/** A value for each label of the family; nothing for one that has none. */
type Labelled<Name extends FamilyName, Rest extends readonly unknown[] = []> = [LabelOf<Name>] extends [never]
  ? [labels?: undefined, ...Rest]
  : [labels: Readonly<Record<LabelOf<Name>, string>>, ...Rest];

/** A counter of one family. */
export interface CounterMetric<Name extends FamilyName> {
  inc(...values: Labelled<Name, [by?: number]>): void;
  /** Drops one series, e.g. of a Pod that is gone. */
  remove(...values: Labelled<Name>): void;
}

/** A gauge of one family. */
export interface GaugeMetric<Name extends FamilyName> {
  set(value: number, ...values: Labelled<Name>): void;
  inc(...values: Labelled<Name, [by?: number]>): void;
  /** Drops one series, e.g. of a Pod that is gone. */
  remove(...values: Labelled<Name>): void;
  /** Drops all series: for gauges that are filled anew at each scrape. */
  reset(): void;
}

/** A histogram of one family. */
export interface HistogramMetric<Name extends FamilyName> {
  observe(value: number, ...values: Labelled<Name>): void;
  /** Drops one series. */
  remove(...values: Labelled<Name>): void;
}

/**
 * A set of metrics, each of a family of the table; what is asked for appears in the text. prom-client stays behind it so that it can be
 * replaced. Asking twice for a name gives the same metric.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #made = new Map<string, Counter | Gauge | Histogram>();
  static readonly contentType = 'text/plain; version=0.0.4; charset=utf-8';

  counter<Name extends FamilyName<'counter'>>(name: Name): CounterMetric<Name> {
    const metric = this.#once(name, (options) => new Counter(options));
    return {
      inc: (...[labels, by = 1]) => (labels ? metric.inc(labels, by) : metric.inc(by)),
      remove: (...[labels]) => metric.remove(labels ?? {}),
    };
  }

  /** `collect` runs at each scrape and may set the gauge then. */
  gauge<Name extends FamilyName<'gauge'>>(name: Name, collect?: (gauge: GaugeMetric<Name>) => void): GaugeMetric<Name> {
    const metric = this.#once(name, (options) =>
      collect ? new Gauge({ ...options, collect: () => collect(wrapped) }) : new Gauge(options),
    );
    const wrapped: GaugeMetric<Name> = {
      set: (value, ...[labels]) => (labels ? metric.set(labels, value) : metric.set(value)),
      inc: (...[labels, by = 1]) => (labels ? metric.inc(labels, by) : metric.inc(by)),
      remove: (...[labels]) => metric.remove(labels ?? {}),
      reset: () => metric.reset(),
    };
    return wrapped;
  }

  histogram<Name extends FamilyName<'histogram'>>(name: Name): HistogramMetric<Name> {
    const { buckets }: Family = FAMILIES[name];
    const metric = this.#once(
      name,
      (options) => new Histogram(buckets ? { ...options, buckets: [...buckets] } : options),
    );
    return {
      observe: (value, ...[labels]) => (labels ? metric.observe(labels, value) : metric.observe(value)),
      remove: (...[labels]) => metric.remove(labels ?? {}),
    };
  }

  /** All metrics in Prometheus' text form. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #once<T extends Counter | Gauge | Histogram>(name: FamilyName, make: (options: Options) => T): T {
    const existing = this.#made.get(name);
    if (existing !== undefined) return existing as T;
    const { help, labels, stability = 'ALPHA' }: Family = FAMILIES[name];
    const metric = make({ name, help: `[${stability}] ${help}`, labelNames: [...labels], registers: [this.#registry] });
    this.#made.set(name, metric);
    return metric;
  }
}

interface Options {
  name: string;
  help: string;
  labelNames: string[];
  registers: Registry[];
}

/**
 * Whether a label's value still gets a series: the first `count` values do. Who registers (a plug-in, a driver) may choose any number of names,
 * and each would be a series for ever.
 */
export function atMost(count: number): (value: string) => boolean {
  const known = new Set<string>();
  return (value) => known.has(value) || (known.size < count && !!known.add(value));
}
