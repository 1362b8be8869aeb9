import { errorMessage, isAbort } from '../../lib/errors.ts';
import type { EffectError } from '../../loop/slot.ts';

const traits = { unknownOutcomeClosesSlot: false, echoes: false, slotPerObject: false };
/** What the loop is to know of a volume's steps: the outcome of each is known when it ends, and none repeats another's work. */
export const slotRules = {
  traits: { stage: traits, unstage: traits, publish: traits, unpublish: traits, expand: traits },
  sameWork: () => true,
};

/** A step's failure as its slot keeps it. */
export function toError(thrown: unknown): EffectError {
  if (isAbort(thrown)) return { reason: 'Aborted', message: 'no longer wanted', settled: true };
  return { reason: 'FailedMount', message: errorMessage(thrown), settled: true };
}
