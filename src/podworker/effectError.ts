import { CriError } from '../cri/error.ts';
import { bounded } from '../lib/bounded.ts';
import { errorMessage, isAbort, KubeletError } from '../lib/errors.ts';
import type { EffectError } from '../loop/slot.ts';

/** What was done is done, but what came of it could not be read: only a read of the runtime tells. */
export class UnsettledError extends KubeletError {}

/** The words, at most 4 KiB of them, and the class of whatever an effect threw. Everything but an unsettled runtime call is known to be over. */
export function toEffectError(thrown: unknown): EffectError {
  if (thrown instanceof CriError)
    return { reason: thrown.grpcCodeName, message: thrown.message, settled: thrown.settled };
  if (isAbort(thrown)) return { reason: 'Aborted', message: 'no longer wanted', settled: true };
  if (thrown instanceof KubeletError) {
    const cause = thrown.cause;
    const settled = !(thrown instanceof UnsettledError) && (!(cause instanceof CriError) || cause.settled);
    return { reason: thrown.reason, message: bounded(thrown.message), settled };
  }
  return { reason: 'InternalError', message: bounded(errorMessage(thrown)), settled: true };
}
