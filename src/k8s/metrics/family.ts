/** How far the name and labels of a metric may be relied on (KEP-1209); stands before its help text. */
export type Stability = 'ALPHA' | 'BETA' | 'STABLE';

/** One family of metrics, as `/metrics` describes it. */
export interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** Names of its labels. */
  readonly labels: readonly string[];
  /** Upper borders of a histogram's buckets, in the unit that the name ends with; +Inf is added. */
  readonly buckets?: readonly number[];
  /** ALPHA unless it says otherwise, as in kubelet. */
  readonly stability?: Stability;
}

/** Prometheus' own borders, in seconds: where kubelet names none. */
export const DEFAULT_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `count` borders from `start` on, each `factor` times the one before. */
export function exponential(start: number, factor: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** i);
}

/** `count` borders from `first` to `last`, each as far from the next as a factor. */
export function between(first: number, last: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => first * (last / first) ** (i / (count - 1)));
}
