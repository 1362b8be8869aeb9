import { isCriticalPod } from '../../k8s/criticalPod.ts';
import type { LedgerEntry, NodeView, Rejection } from '../types.ts';
import { type Applicant, type Assessment, assess } from './assess.ts';
import { choosePreemption, type PreemptionCandidate } from './preemption.ts';
import { takenBy } from './room.ts';

/** An entry of the book with what preemption asks of it. */
export type Holder = LedgerEntry & PreemptionCandidate;

/** The book as one decision sees it. */
export interface Book {
  /** Admitted Pods, terminating ones included, that nobody asked to leave. */
  readonly staying: readonly Holder[];
  /** Admitted Pods that were chosen as victims and are not gone yet. */
  readonly leaving: readonly Holder[];
  /** Pods that wait for victims and come before this one. */
  readonly ahead: readonly LedgerEntry[];
}

/**
 * Where an applicant stands. `waitFor` are the Pods that must be released first, `lacking` the resource for which they were chosen last;
 * `onlyAffinity` as in Assessment.
 */
export type AdmissionPlace =
  | { readonly place: 'admitted' }
  | { readonly place: 'waiting'; readonly waitFor: readonly Holder[]; readonly lacking?: string }
  | { readonly place: 'rejected'; readonly rejection: Rejection; readonly onlyAffinity: boolean };

/**
 * Finds a place for an applicant. While victims are on their way out, a Pod that will fit once they are gone waits for them
 * instead of being rejected for good: the Go kubelet blocks its admission loop for that time, with the same outcome.
 */
export function findPlace(applicant: Applicant, book: Book, node: NodeView): AdmissionPlace {
  const now = assess(applicant, takenBy([...book.staying, ...book.leaving, ...book.ahead]), node);
  if (now.fits) return { place: 'admitted' };
  const later = assess(applicant, takenBy([...book.staying, ...book.ahead]), node);
  if (later.fits) return { place: 'waiting', waitFor: book.leaving };
  if (!isCriticalPod(applicant.pod) || !('lacking' in later)) return rejected(now);

  const choice = choosePreemption(applicant.pod, book.staying, later.lacking);
  const lacking = later.lacking[0]!.resource;
  if ('victims' in choice) return { place: 'waiting', waitFor: [...book.leaving, ...choice.victims], lacking };
  const message = `Unexpected error while attempting to recover from admission failure: ${choice.error}`;
  return { place: 'rejected', rejection: { reason: 'UnexpectedAdmissionError', message }, onlyAffinity: false };
}

function rejected(assessment: Exclude<Assessment, { fits: true }>): AdmissionPlace {
  if ('rejection' in assessment) return { place: 'rejected', ...assessment };
  throw new Error('an applicant that lacks only room is critical and never rejected here');
}
