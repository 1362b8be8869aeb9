import { slot } from './slots.ts';
import { because, launch, type Turn } from './turn.ts';

/** A static Pod's worker keeps its mirror Pod in the API current; it holds nothing else back. */
export function planMirror(turn: Turn): void {
  const { mirror } = turn.facts;
  if (!mirror || mirror.state === 'current') return;
  const last = slot(turn.facts, 'mirror').last;
  because(turn, { code: 'MirrorPod', ...(last?.error ? { problem: last.error.message } : {}) });
  // Before the watch has shown the node's Pods nobody knows whether there is one; it wakes everybody when it does.
  if (turn.facts.node.apiProblem !== undefined) return;
  launch(turn, { kind: 'syncMirror', slot: 'mirror', wanted: 'current' });
}
