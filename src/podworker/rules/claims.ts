import type { Pod } from '../../types/k8s.ts';
import { needsClaims } from '../spec/dynamicResources.ts';
import { retryAt, slot } from './slots.ts';
import { because, emitOnce, launch, type Retry, type Turn } from './turn.ts';

/**
 * The Pod's ResourceClaims are prepared for the sandbox of that attempt. Drivers are asked for each sandbox, and never for one that is
 * there: what runs has what it was given.
 */
export function planClaims(turn: Turn, pod: Pod, attempt: number): boolean {
  if (!needsClaims(pod)) return true;
  const { facts } = turn;
  const { running, last } = slot(facts, 'claims');
  const { action } = last ?? {};
  const done = action?.kind === 'prepareClaims' ? last : undefined;
  if (action?.kind === 'prepareClaims' && !last?.error && action.attempt === attempt) return true;
  if (running)
    because(turn, {
      code: 'PreparingClaims',
      since: running.since,
      ...(facts.claimWait === undefined ? {} : { message: facts.claimWait }),
    });
  else if (done?.error) {
    const { message } = done.error;
    const retry = claimRetry(turn);
    because(turn, {
      code: 'DynamicResources',
      message,
      ...(retry === 'now' ? {} : { retryAt: retryAt(facts, 'claims') }),
    });
    emitOnce(turn, 'dynamicresources', done.endedAt, {
      type: 'Warning',
      reason: 'FailedPrepareDynamicResources',
      message: `Failed to prepare dynamic resources: ${message}`,
    });
  } else because(turn, { code: 'PreparingClaims' });
  launch(turn, { kind: 'prepareClaims', slot: 'claims', attempt }, claimRetry(turn));
  return false;
}

/** At once when a driver has come since the last attempt that its claims lacked. */
export function claimRetry({ facts }: Turn): Retry {
  const ended = slot(facts, 'claims').last?.endedAt ?? 0;
  return facts.claimDriverAt !== undefined && facts.claimDriverAt >= ended ? 'now' : 'backoff';
}
