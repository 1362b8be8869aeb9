import { isObjectGone, isUidConflict } from '../api/apiError.ts';
import { errorMessage } from '../lib/errors.ts';

/** Why a Pod's status is not in the API server yet. `gone`: it never will be, for this Pod no longer exists there. */
export interface StatusProblem {
  readonly kind: 'gone' | 'retrying';
  /** One word: NotFound, Conflict, Forbidden, ApiUnreachable … */
  readonly reason: string;
  /** One sentence for people. */
  readonly message: string;
  /** How many attempts have failed in a row. */
  readonly attempt: number;
  /** Until the next attempt; 0 when there is none. */
  readonly retryInMs: number;
}

/** What a failed PATCH of the Pod of this name means: the Pod is gone, or it is worth trying again. */
export function isGone(error: unknown, name: string): boolean {
  return isObjectGone(error, 'pods', name) || isUidConflict(error);
}

/** How long the server asked to wait, if it did. */
export function askedDelay(error: unknown): number {
  return shapeOf(error).retryAfterMs ?? 0;
}

/** The problem to report; `pod` names the Pod for people. */
export function problemOf(
  error: unknown,
  pod: string,
  kind: StatusProblem['kind'],
  attempt: number,
  retryInMs: number,
): StatusProblem {
  const reason = shapeOf(error).reason ?? 'Unknown';
  const cause = errorMessage(error);
  const message =
    kind === 'gone'
      ? `Pod ${pod} no longer exists in the API server, so its status is not written: ${cause}`
      : `status of Pod ${pod} could not be written, next try in ${(retryInMs / 1000).toFixed(1)} s: ${cause}`;
  return { kind, reason, message, attempt, retryInMs };
}

function shapeOf(error: unknown): { reason?: string; retryAfterMs?: number } {
  return typeof error === 'object' && error !== null ? error : {};
}
