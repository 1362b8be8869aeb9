import { PRESSURE_CONDITIONS, type PressureCondition } from '../../../pods/nodePressure.ts';
import { thresholdsMet } from './met.ts';
import type { Observations } from './observations.ts';
import { signals } from './signals.ts';
import type { Threshold } from './thresholds.ts';

/** What one look remembers for the next; times are monotonic ms. */
export interface PressureMemory {
  /** Since when each threshold, by id, is crossed without a break. */
  readonly since: Readonly<Record<string, number>>;
  /** Those whose grace was over: they hold until the minimum reclaim is reached. */
  readonly acting: readonly string[];
  /** When each condition was seen last. */
  readonly seen: Readonly<Partial<Record<PressureCondition, number>>>;
}

export const NO_PRESSURE: PressureMemory = { since: {}, acting: [], seen: {} };

export interface PressureAssessment {
  readonly memory: PressureMemory;
  /** The conditions that are true, in the API's order. */
  readonly conditions: readonly PressureCondition[];
  /** The thresholds that something must be done about, the first one first. */
  readonly acting: readonly Threshold[];
}

/**
 * One look at the node. A condition is true as soon as one of its thresholds is crossed, also a soft one within its grace, and for
 * `transitionMs` (evictionPressureTransitionPeriod) after that; something is done once the grace is over.
 */
export function assessPressure(
  thresholds: readonly Threshold[],
  transitionMs: number,
  observations: Observations,
  memory: PressureMemory,
  now: number,
): PressureAssessment {
  const unresolved = thresholds.filter(({ id }) => memory.acting.includes(id));
  const crossed = new Set([
    ...thresholdsMet(thresholds, observations),
    ...thresholdsMet(unresolved, observations, true),
  ]);
  const met = thresholds.filter((t) => crossed.has(t));
  const since = Object.fromEntries(met.map(({ id }) => [id, memory.since[id] ?? now]));
  const seen = { ...memory.seen };
  for (const { signal } of met) seen[signals[signal].condition] = now;
  const acting = met.filter(({ id, graceMs }) => now - (since[id] ?? now) >= graceMs);
  const isTrue = (condition: PressureCondition) => {
    const at = seen[condition];
    return at !== undefined && now - at < transitionMs;
  };
  return {
    memory: { since, acting: acting.map(({ id }) => id), seen },
    conditions: PRESSURE_CONDITIONS.filter(isTrue),
    acting,
  };
}

/** Conditions that an earlier process reported last hold for one more transition period, as if they had been seen now. */
export function rememberConditions(
  memory: PressureMemory,
  conditions: readonly PressureCondition[],
  now: number,
): PressureMemory {
  const seen = Object.fromEntries(conditions.map((condition) => [condition, now]));
  return { ...memory, seen: { ...seen, ...memory.seen } };
}
