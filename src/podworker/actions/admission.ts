import { admissionFact } from '../../ledger/admission.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/**
 * Asks the ledger for a place. Pods that already run are told so: they cannot be refused (design rule 3). The question may wait until every
 * source has reported; an abort takes it back.
 */
export async function reserve(services: Services, { pod, facts, signal }: ActionContext): Promise<Outcome> {
  const running = (facts.runtime?.containers ?? []).some((c) => c.state === 'running');
  const createdAt = Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
  const takeBack = () => services.ledger.release(facts.uid);
  signal.addEventListener('abort', takeBack, { once: true });
  const asked = services.ledger.reserve(pod as StoredPod, { hasRunningContainers: running, createdAt });
  const verdict = await asked.finally(() => signal.removeEventListener('abort', takeBack));
  // On its way to the disk while the sandbox is made; no container is made before it is there (createContainer).
  if (verdict.verdict === 'admitted') services.allocated.save(facts.uid, resourcesOf(pod)).catch(() => {});
  return { admission: admissionFact(verdict) };
}

/** Gives the place back; harmless when there is none. */
export async function release(services: Services, { facts }: ActionContext): Promise<Outcome> {
  services.ledger.release(facts.uid);
  return {};
}
