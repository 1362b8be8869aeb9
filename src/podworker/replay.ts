import { type Decision, decide } from './rules/decide.ts';
import type { Now, PodFacts } from './rules/facts.ts';
import type { PodMemory } from './rules/memory.ts';

/** One recorded decision, as `/debug/pods/{namespace}/{name}/trace` and --record-dir give it. */
export interface RecordedDecision {
  readonly now: Now;
  readonly facts: PodFacts;
  readonly memory: PodMemory;
  readonly decision: Decision;
}

/** The first place at which today's rules decide differently from the record. */
export interface Difference {
  /** Index in the trace. */
  readonly at: number;
  /** Path below the decision, e.g. `start[0].kind`. */
  readonly path: string;
  readonly recorded: unknown;
  readonly today: unknown;
}

/** Makes every recorded decision again from its own record alone. undefined: today's rules decide the same everywhere. */
export function replay(trace: readonly RecordedDecision[]): Difference | undefined {
  for (const [at, record] of trace.entries()) {
    const today = JSON.parse(JSON.stringify(decide(record.facts, record.memory, record.now)));
    const recorded = JSON.parse(JSON.stringify(record.decision));
    const found = differ('', recorded, today);
    if (found) return { at, ...found };
  }
  return undefined;
}

function differ(path: string, a: unknown, b: unknown): Omit<Difference, 'at'> | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return { path, recorded: a, today: b };
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const step = Array.isArray(a) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`;
    const found = differ(step, left[key], right[key]);
    if (found) return found;
  }
  return undefined;
}
