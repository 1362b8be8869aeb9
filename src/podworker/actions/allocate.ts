import { resizeAnswer } from '../../ledger/admission.ts';
import { withAllocation } from '../../pods/rules/allocation.ts';
import type { PodResources, StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/**
 * Asks the ledger for other resources. What it grants is on the disk before the Pod has it: a kubelet that comes after this one must not
 * give the Pod less than it may use. An abort takes the question back.
 */
export async function allocate(
  { ledger, allocated, clock }: Services,
  { pod, facts, signal }: ActionContext,
  { wanted, generation }: { readonly wanted: PodResources; readonly generation: number },
): Promise<Outcome> {
  const withdraw = () => ledger.withdraw(facts.uid);
  signal.addEventListener('abort', withdraw, { once: true });
  try {
    const verdict = await ledger.resize(
      withAllocation(pod, wanted) as StoredPod,
      pod,
      waitingSince(facts) ?? clock.now().wall,
    );
    if (verdict.resize === 'granted') {
      await allocated.save(facts.uid, wanted);
      ledger.confirm(facts.uid);
    }
    return { resize: { wanted, generation, answer: resizeAnswer(verdict) } };
  } finally {
    signal.removeEventListener('abort', withdraw);
  }
}

/** Whoever was deferred before a restart of the agent has waited since then. */
function waitingSince({ pod }: ActionContext['facts']): number | undefined {
  const pending = pod?.status?.conditions?.find(({ type }) => type === 'PodResizePending');
  const since = pending?.reason === 'Deferred' ? Date.parse(pending.lastTransitionTime ?? '') : Number.NaN;
  return Number.isNaN(since) ? undefined : since;
}
