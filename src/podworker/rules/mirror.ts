import { slot } from './slots.ts';
import { because, launch, type Turn } from './turn.ts';

/** A static Pod's worker keeps its mirror Pod in the API current; it holds nothing else back. */
export function planMirror(turn: Turn): void {
  const { mirror } = turn.facts;
  if (!mirror || mirror.state === 'current') return;
  const last = slot(turn.facts, 'mirror').last;
  because(turn, { code: 'MirrorPod', ...(last?.error ? { problem: last.error.message } : {}) });
  launch(turn, { kind: 'syncMirror', slot: 'mirror', wanted: 'current' });
}
