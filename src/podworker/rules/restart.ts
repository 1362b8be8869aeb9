import type { ObservedContainer } from '../../cri/observed.ts';
import { restartsAfter } from '../../status/rules/restartPolicy.ts';
import type { Container, Pod } from '../../types/k8s.ts';
import type { NodeFacts, Now } from './facts.ts';
import type { ContainerBackoff } from './memory.ts';

/** First crash-loop delay unless the node has another (KEP-4603); it doubles up to the node's maximum (300 s unless configured, KEP-5593). */
const initialBackoffMs = 10_000;
/** A container that ran this long since its last step starts over at no delay. */
const backoffExpiryMs = 600_000;
/** Ends this far in the future are the clock's doing. */
const skewMs = 1_000;

/** An init container that did not do its work: an OOM kill counts even with exit code 0. */
export function initFailed(c: ObservedContainer): boolean {
  return c.state === 'unknown' || (c.state === 'exited' && (c.exitCode !== 0 || c.reason === 'OOMKilled'));
}

/**
 * Whether an ended main or plain init container is to run again. Container rules come first, but only where the
 * container has a restart policy of its own; then that policy; then the Pod's (KEP-5307).
 */
export function shouldRestart(pod: Pod, container: Container, last: ObservedContainer | undefined): boolean {
  if (pod.metadata?.deletionTimestamp) return false;
  if (!last || last.state === 'unknown' || last.state === 'created') return true;
  if (last.state === 'running') return false;
  return restartsAfter(container, pod.spec ?? { containers: [] }, last.exitCode);
}

/** After a failed probe rules are not asked: there is no exit code yet. Never means that the container stays down. */
export function restartsAfterKill(pod: Pod, container: Container): boolean {
  return (container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') !== 'Never';
}

/** What resets the back-off: another image or name of the container. A resize does not: it makes no container any better. */
export function backoffKey(container: Container): string {
  return JSON.stringify([container.name, container.image]);
}

function live(backoff: ContainerBackoff | undefined, key: string, eventWall: number): ContainerBackoff | undefined {
  if (!backoff || backoff.key !== key) return undefined;
  return eventWall - backoff.updatedAt > backoffExpiryMs ? undefined : backoff;
}

/**
 * Milliseconds that a container ended at `finishedAt` (wall) still has to wait; 0: it may start. An end in the future tells that the
 * clock was set back since: nobody knows how much of the wait has passed, and it is not made longer.
 */
export function backoffLeft(
  backoff: ContainerBackoff | undefined,
  key: string,
  finishedAt: number,
  now: Now,
): { left: number; delayMs: number } {
  const entry = live(backoff, key, finishedAt);
  if (!entry) return { left: 0, delayMs: 0 };
  const left = finishedAt - now.wall > skewMs ? 0 : Math.max(0, finishedAt + entry.delayMs - now.wall);
  return { left, delayMs: entry.delayMs };
}

/** The back-off after one more start: the node's first delay, then doubled. */
export function nextBackoff(
  backoff: ContainerBackoff | undefined,
  key: string,
  finishedAt: number,
  { crashLoopMaxMs, crashLoopInitialMs = initialBackoffMs }: Pick<NodeFacts, 'crashLoopMaxMs' | 'crashLoopInitialMs'>,
  now: Now,
): ContainerBackoff {
  const entry = live(backoff, key, finishedAt);
  const delayMs = Math.min(crashLoopMaxMs, entry ? entry.delayMs * 2 : crashLoopInitialMs);
  return { key, delayMs, updatedAt: now.wall };
}
