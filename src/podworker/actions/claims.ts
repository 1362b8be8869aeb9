import type { StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/** Has the Pod's ResourceClaims prepared by their drivers. Each call has a deadline; an abort leaves the rest to `unprepareClaims`. */
export async function prepareClaims({ claims }: Services, context: ActionContext): Promise<Outcome> {
  await claims.prepare(context.pod as StoredPod, context.signal, context.claimWait);
  return { claims: claims.heldBy(context.pod) };
}

/** Gives back what was prepared for the Pod; harmless when nothing was. */
export async function unprepareClaims(
  { claims }: Services,
  { facts, signal, claimWait }: ActionContext,
): Promise<Outcome> {
  await claims.unprepare(facts.uid, signal, claimWait);
  return {};
}
