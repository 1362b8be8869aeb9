import type { ActionContext, Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/** The last write about a deleted Pod: the API object itself goes. */
export async function deleteApiPod(services: Services, { facts, signal }: ActionContext): Promise<Outcome> {
  await services.api?.deletePod(facts.namespace, facts.name, facts.uid, signal);
  return {};
}

/** Makes the mirror Pod current, or takes it away. */
export async function syncMirror(
  services: Services,
  { pod, facts, signal }: ActionContext,
  wanted: 'current' | 'absent',
): Promise<Outcome> {
  if (!services.api) return {};
  if (wanted === 'absent' || facts.mirror?.state === 'stale') await services.api.deleteMirror(pod, signal);
  if (wanted === 'current') await services.api.createMirror(pod, signal);
  return {};
}
