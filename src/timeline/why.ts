import { printableLine } from '../lib/printable.ts';
import type { Reason } from './reasons.ts';
import type { PodRecord } from './recorder.ts';
import { sentence } from './sentences.ts';

/** The answer to "why is this Pod not further?". */
export interface Why {
  readonly pod: string;
  readonly uid: string;
  readonly phase: string;
  readonly reasons: readonly (Reason & { readonly sentence: string })[];
  /** What it has of the node for itself, devices above all; absent: nothing. */
  readonly holds?: readonly string[];
}

/** `mono`: now, monotonic ms. */
export function why(record: PodRecord, mono: number): Why {
  return {
    pod: `${record.namespace}/${record.name}`,
    uid: record.uid,
    phase: record.phase,
    reasons: record.reasons.map((r) => ({ ...r, sentence: sentence(r, mono) })),
    ...(record.holds.length > 0 && { holds: record.holds }),
  };
}

/** As text: one sentence a line. Pods choose words of it, so nothing in it steers a terminal or begins a line. */
export function whyText(answer: Why): string {
  const head = `${answer.pod} (${answer.uid}) is ${answer.phase || 'not decided yet'}`;
  const list = (lines: readonly string[]) => lines.map((line) => `  - ${printableLine(line)}\n`).join('');
  const holds = answer.holds ? `it has for itself:\n${list(answer.holds)}` : '';
  if (answer.reasons.length === 0) return `${head}: nothing holds it back.\n${holds}`;
  return `${head}:\n${list(answer.reasons.map((r) => r.sentence))}${holds}`;
}
