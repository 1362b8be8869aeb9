import type { TerminateCause } from '../../pods/facts.ts';

/** What a cause for which a Pod is ended means. */
interface CauseKind {
  /**
   * Where the wish to end the Pod stands after a restart. `noted`: nowhere but in our checkpoint, which is therefore written before
   * anything is stopped. `found`: in the API, in the sources, or in the runtime. `both`: it is found again, but its words and its
   * moment are worth a note too.
   */
  readonly after: 'noted' | 'found' | 'both';
  /** The end holds only as long as it is asked for: a note of it is not believed after a restart. */
  readonly onlyWhileAsked?: true;
  /** Least grace in seconds when this cause is the first one: kubelet never lets somebody else's word kill at once. */
  readonly leastGraceSeconds: 0 | 1;
}

/** Every cause. A new one does not compile until it stands here. */
export const terminationCauses: Readonly<Record<TerminateCause, CauseKind>> = {
  deleted: { after: 'found', leastGraceSeconds: 1 },
  // The manifest may be back.
  removed: { after: 'found', onlyWhileAsked: true, leastGraceSeconds: 1 },
  evicted: { after: 'noted', leastGraceSeconds: 1 },
  preempted: { after: 'noted', leastGraceSeconds: 1 },
  // Ends a Pod as its containers' end does: nobody asks for a grace.
  deadline: { after: 'both', leastGraceSeconds: 0 },
  shutdown: { after: 'noted', leastGraceSeconds: 1 },
  orphaned: { after: 'found', onlyWhileAsked: true, leastGraceSeconds: 1 },
  rejected: { after: 'found', leastGraceSeconds: 1 },
  completed: { after: 'found', leastGraceSeconds: 1 },
};
