import { formatQuantity, type ParsedQuantity, parseQuantity, quantityOf } from '../../../k8s/quantity.ts';
import { ALL_SIGNALS, type DiskLayout, type Signal } from './signals.ts';

/** An amount as the configuration has it: absolute, or a part of the capacity. */
export type ThresholdValue = { readonly quantity: ParsedQuantity } | { readonly fraction: number };

/** Less than `value` of a signal is too little. */
export interface Threshold {
  /** Its own among those of one configuration. */
  readonly id: string;
  readonly signal: Signal;
  readonly value: ThresholdValue;
  /** How long it must be crossed before a Pod is ended; 0: a hard threshold. */
  readonly graceMs: number;
  /** How much more than `value` there must be before it counts as over. */
  readonly minReclaim?: ThresholdValue;
}

/** The part of the configuration that thresholds are made of; it has been checked. */
export interface ThresholdSettings {
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly evictionSoft: Readonly<Record<string, string>>;
  /** By signal, ms. */
  readonly softGraceMs: Readonly<Record<string, number>>;
  readonly evictionMinimumReclaim: Readonly<Record<string, string>>;
  /** The cgroup of all Pods is limited, and eviction keeps them below that limit: enforceNodeAllocatable has `pods`. */
  readonly enforcesPods: boolean;
}

/**
 * The thresholds of a configuration, in the order of the signals, hard ones first. 0 % and 100 % are none. A hard threshold of
 * memory.available holds for the cgroup of all Pods too.
 */
export function thresholdsOf(settings: ThresholdSettings): Threshold[] {
  const { evictionHard, evictionSoft, softGraceMs, evictionMinimumReclaim, enforcesPods } = settings;
  const all = (statements: Readonly<Record<string, string>>, kind: string, graceMs: (signal: Signal) => number) =>
    ALL_SIGNALS.flatMap((signal): Threshold[] => {
      const text = statements[signal];
      if (text === undefined || text === '0%' || text === '100%') return [];
      const reclaim = evictionMinimumReclaim[signal];
      const minReclaim = reclaim === undefined ? {} : { minReclaim: parseValue(reclaim) };
      return [{ id: `${kind}/${signal}`, signal, value: parseValue(text), graceMs: graceMs(signal), ...minReclaim }];
    });
  const hard = all(evictionHard, 'hard', () => 0);
  const soft = all(evictionSoft, 'soft', (signal) => softGraceMs[signal] ?? 0);
  const both = [...hard, ...soft];
  const forPods = both.filter(({ signal, graceMs }) => enforcesPods && signal === 'memory.available' && graceMs === 0);
  return [
    ...both,
    ...forPods.map((t): Threshold => ({ ...t, id: `pods/${t.id}`, signal: 'allocatableMemory.available' })),
  ].sort((a, b) => ALL_SIGNALS.indexOf(a.signal) - ALL_SIGNALS.indexOf(b.signal));
}

/**
 * The thresholds of containerfs follow from where the writable layers are: those of nodefs, or of imagefs where images and layers share
 * a disk of their own (KEP-4191). What the configuration says of containerfs is passed over, as in kubelet.
 */
export function withContainerFs(thresholds: readonly Threshold[], { imageFs, containerFs }: DiskLayout): Threshold[] {
  const from = imageFs && !containerFs ? 'imagefs' : 'nodefs';
  return thresholds.flatMap((threshold) => {
    if (threshold.signal.startsWith('containerfs.')) return [];
    if (!threshold.signal.startsWith(`${from}.`)) return [threshold];
    const signal = threshold.signal.replace(from, 'containerfs') as Signal;
    return [threshold, { ...threshold, id: `${threshold.id}/containerfs`, signal }];
  });
}

function parseValue(text: string): ThresholdValue {
  if (!text.endsWith('%')) return { quantity: parseQuantity(text) };
  // Single precision, as in kubelet, so that both agree to the byte.
  return { fraction: Math.fround(Math.fround(Number(text.slice(0, -1))) / 100) };
}

/** The value as a quantity, at this capacity. */
export function quantityAt(value: ThresholdValue, capacity: number): ParsedQuantity {
  return 'quantity' in value ? value.quantity : quantityOf(Math.trunc(capacity * value.fraction), 'BinarySI');
}

/** The value in billionths, at this capacity. */
export function nanoAt(value: ThresholdValue, capacity: number): bigint {
  return quantityAt(value, capacity).nano;
}

/** As people write it: `memory.available<100Mi`, `nodefs.available<10%`. */
export function thresholdText({ signal, value }: Pick<Threshold, 'signal' | 'value'>): string {
  const text = 'quantity' in value ? formatQuantity(value.quantity) : `${Number((value.fraction * 100).toFixed(4))}%`;
  return `${signal}<${text}`;
}
