import type { ObservedContainer } from '../../cri/observed.ts';
import type { ContainerView } from '../../pods/rules/views.ts';
import { replacedRun } from './replacement.ts';
import { backoffKey, backoffLeft, nextBackoff } from './restart.ts';
import { because, emitOnce, noted, type Turn, wake } from './turn.ts';

/**
 * Whether the container waits out its crash-loop back-off, which counts from the end of the last run (kubelet's doBackOff); then the turn
 * says so in status, Event and reason.
 */
export function inBackoff(turn: Turn, view: ContainerView): boolean {
  const { facts, now, memory } = turn;
  const ended = view.history.find((c) => c.state === 'exited');
  // While this restart is being made, the step that was just taken for it must not hold it back.
  if (!ended || memory.backoff[view.name]?.countedFor === ended.id) return false;
  if (isReplaced(turn, view) && mayFollow(turn, view, ended)) return false;
  const { left, delayMs } = backoffLeft(memory.backoff[view.name], backoffKey(view.container), ended.finishedAt, now);
  if (left <= 0) return false;
  const retry = now.mono + left;
  wake(turn, retry);
  const pod = `${facts.name}_${facts.namespace}(${facts.uid})`;
  turn.waiting[view.name] = {
    reason: 'CrashLoopBackOff',
    message: `back-off ${goDuration(delayMs)} restarting failed container=${view.name} pod=${pod}`,
  };
  emitOnce(turn, `backoff/${view.name}`, ended.finishedAt, {
    type: 'Warning',
    reason: 'BackOff',
    message: `Back-off restarting failed container ${view.name} in pod ${pod}`,
    container: view.name,
  });
  because(turn, {
    code: 'CrashLoopBackOff',
    container: view.name,
    exitCode: ended.exitCode,
    restarts: ended.restartCount,
    delayMs,
    retryAt: retry,
  });
  return true;
}

function isReplaced(turn: Turn, view: ContainerView): boolean {
  const { pod } = turn.facts;
  return pod !== null && replacedRun(turn, pod, view) !== undefined;
}

/**
 * A container that was stopped to be replaced has not crashed: its successor starts at once, unless the end before that one is so recent
 * that the back-off has not passed since. As in the Go kubelet, which looks for an end before it stops the container.
 */
function mayFollow(turn: Turn, view: ContainerView, replaced: ObservedContainer): boolean {
  const before = view.history.find((c) => c.state === 'exited' && c !== replaced);
  if (!before) return true;
  const known = turn.memory.backoff[view.name];
  if (backoffLeft(known, backoffKey(view.container), before.finishedAt, turn.now).left > 0) return false;
  countStep(turn, view, before.finishedAt, replaced.id);
  return true;
}

/** Whole seconds in Go's way of printing durations: 10s, 1m20s, 5m0s. */
function goDuration(ms: number): string {
  const s = Math.round(ms / 1000);
  return s < 60 ? `${s}s` : `${Math.floor(s / 60)}m${s % 60}s`;
}

/** An attempt is made after the container has ended: the next one waits longer, but for one that was stopped to be replaced. */
export function countRestart(turn: Turn, view: ContainerView): void {
  const ended = view.history.find((c) => c.state === 'exited');
  if (ended && !isReplaced(turn, view)) countStep(turn, view, ended.finishedAt, ended.id);
}

function countStep(turn: Turn, view: ContainerView, finishedAt: number, countedFor: string): void {
  const { memory, facts, now } = turn;
  const key = backoffKey(view.container);
  const next = nextBackoff(memory.backoff[view.name], key, finishedAt, facts.node, now);
  turn.memory.backoff = noted(turn, turn.memory.backoff, view.name, { ...next, countedFor });
}
