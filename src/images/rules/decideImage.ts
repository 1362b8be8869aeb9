import { goQuote } from '../../k8s/goText.ts';
import type { ImageEvent, ImageFact, ImageUser, PullPolicy } from '../types.ts';
import { backOffEvent, errorEvent, inspectFailedEvent, neverPullEvent, presentEvent } from './events.ts';
import { parseImageName } from './imageName.ts';

/** One container attempt's question: what about its image, now? */
export interface ImageQuestion {
  readonly image: string;
  readonly policy: PullPolicy;
  /** Monotonic ms at which this attempt began to want the image; what was learned before it does not count. */
  readonly since: number;
  /** Monotonic ms. */
  readonly now: number;
  /** Failures from before this attempt do not count: it has other credentials. */
  readonly anew?: boolean;
}

/**
 * What to do. `check` and `pull` are actions of the image manager; `wait` and `fail` end with a new fact or at `lookAgainAt`
 * (monotonic ms). `reason` and `message` of `fail` are the container's waiting state.
 */
export type ImageDecision =
  | { readonly do: 'use'; readonly imageId: string; readonly user?: ImageUser; readonly pulled: boolean }
  | { readonly do: 'check' }
  | { readonly do: 'pull' }
  | { readonly do: 'wait' }
  | { readonly do: 'fail'; readonly reason: string; readonly message: string; readonly lookAgainAt?: number };

/** A fresh failure is shown under its own name this long before it reads ImagePullBackOff: in Go the next sync decides it. */
const FAILURE_SHOWN_MS = 1_000;
/** How often an absent image with policy Never is looked for again, in case somebody loads it. */
const NEVER_RECHECK_MS = 10_000;

/** Decides about one image from what is known of it. Pure. */
export function decideImage(known: ImageFact | undefined, question: ImageQuestion): ImageDecision {
  const fact = question.anew ? withoutOldFailure(known, question.since) : known;
  const name = parseImageName(question.image);
  if ('error' in name) {
    const message = `Failed to apply default image tag ${goQuote(question.image)}: ${name.error}`;
    return { do: 'fail', reason: 'InvalidImageName', message };
  }
  if (fact?.pulling) return { do: 'wait' };
  const ready = fact && readyImage(fact, question);
  if (ready) return ready;
  if (fact?.failure && question.now < fact.failure.at + fact.failure.delayMs) return backingOff(fact.failure, question);
  if (question.policy === 'Always') return { do: 'pull' };
  if (!fact || fact.present === 'unknown' || !isFresh(fact, question)) return { do: 'check' };
  return question.policy === 'Never' ? neverPull(fact.checkedAt!, question) : { do: 'pull' };
}

function withoutOldFailure(fact: ImageFact | undefined, since: number): ImageFact | undefined {
  if (!fact?.failure || fact.failure.at >= since) return fact;
  const { failure: _, ...rest } = fact;
  return rest;
}

function readyImage(fact: ImageFact, { policy, since }: ImageQuestion): ImageDecision | undefined {
  const pulled = fact.pulledAt !== undefined && fact.pulledAt >= since;
  const found = policy !== 'Always' && fact.present === true && (fact.checkedAt ?? -1) >= since;
  if (!fact.imageId || !(pulled || found)) return undefined;
  return { do: 'use', imageId: fact.imageId, pulled, ...(fact.user && { user: fact.user }) };
}

/** "Absent" must be of this attempt, and not from before a failed pull: somebody else may have brought the image since. */
function isFresh(fact: ImageFact, { since }: ImageQuestion): boolean {
  const bound = fact.failure ? Math.max(since, fact.failure.at + fact.failure.delayMs) : since;
  return fact.checkedAt !== undefined && fact.checkedAt >= bound;
}

function backingOff(failure: NonNullable<ImageFact['failure']>, { image, now }: ImageQuestion): ImageDecision {
  const { reason, message, at, delayMs } = failure;
  const end = at + delayMs;
  if (reason === 'ImageInspectError') return { do: 'fail', reason, message, lookAgainAt: end };
  const shown = at + FAILURE_SHOWN_MS;
  if (now < shown) return { do: 'fail', reason, message, lookAgainAt: Math.min(shown, end) };
  const text = `Back-off pulling image ${goQuote(image)}: ${reason}: ${message}`;
  return { do: 'fail', reason: 'ImagePullBackOff', message: text, lookAgainAt: end };
}

function neverPull(checkedAt: number, { image, now }: ImageQuestion): ImageDecision {
  const again = checkedAt + NEVER_RECHECK_MS;
  if (now >= again) return { do: 'check' };
  const message = `Container image ${goQuote(image)} is not present with pull policy of Never`;
  return { do: 'fail', reason: 'ErrImageNeverPull', message, lookAgainAt: again };
}

/**
 * The Events that going from one decision to the next asks for; the manager itself records those of a pull (Pulling, Pulled,
 * "Failed to pull image"). The same failure again says nothing new.
 */
export function decisionEvents(image: string, previous: ImageDecision | undefined, next: ImageDecision): ImageEvent[] {
  if (next.do === 'use') return next.pulled || previous?.do === 'use' ? [] : [presentEvent(image)];
  if (next.do !== 'fail' || (previous?.do === 'fail' && previous.reason === next.reason)) return [];
  const first: Readonly<Record<string, ImageEvent>> = {
    InvalidImageName: inspectFailedEvent(next.message),
    ImageInspectError: inspectFailedEvent(next.message),
    ErrImageNeverPull: neverPullEvent(next.message),
    ImagePullBackOff: backOffEvent(image),
  };
  const own = first[next.reason];
  return [...(own ? [own] : []), errorEvent(next.reason)];
}
