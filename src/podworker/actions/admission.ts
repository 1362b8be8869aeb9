import { unexpected } from '../../devices/deviceManager.ts';
import { admissionFact } from '../../ledger/admission.ts';
import { errorMessage } from '../../lib/errors.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import type { AllocatedPod, StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/**
 * Asks the ledger for a place. Pods that already run are told so: they cannot be refused. The question may wait until every
 * source has reported; an abort takes it back.
 */
export async function reserve(services: Services, { pod, facts, signal }: ActionContext): Promise<Outcome> {
  const running = (facts.runtime?.containers ?? []).some((c) => c.state === 'running');
  const createdAt = Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
  // Who runs is answered at once, and keeps what is its own until its containers are over.
  const takeBack = () => {
    if (!running) services.ledger.release(facts.uid);
  };
  signal.addEventListener('abort', takeBack, { once: true });
  const asked = services.ledger.reserve(pod as StoredPod, { hasRunningContainers: running, createdAt });
  const verdict = await asked.finally(() => signal.removeEventListener('abort', takeBack));
  if (verdict.verdict === 'admitted') noteAllocated(services, facts.uid, pod);
  return {
    admission: admissionFact(verdict),
    devices: services.devices.devicesOf(facts.uid),
    claims: services.claims.heldBy(pod),
  };
}

/** On its way to the disk while the sandbox is made; no container is made before it is there (createContainer). */
function noteAllocated(services: Services, uid: string, pod: AllocatedPod): void {
  services.allocated.save(uid, resourcesOf(pod)).catch(() => {});
}

/**
 * Allocates the devices that the ledger holds for the Pod, at their plug-ins. What goes wrong with them is a rejection, in Go's words, and
 * the Pod's place is free at once. It ends by itself: each call has a deadline.
 */
export async function allocateDevices(services: Services, { pod, facts, signal }: ActionContext): Promise<Outcome> {
  const { devices, ledger } = services;
  try {
    await devices.allocate(pod as StoredPod, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    ledger.release(facts.uid);
    devices.release(facts.uid);
    return { admission: { state: 'rejected', ...unexpected(errorMessage(error)) } };
  }
  return { admission: { state: 'admitted' }, devices: devices.devicesOf(facts.uid) };
}

/** Gives the place back; harmless when there is none. */
export async function release(services: Services, { facts }: ActionContext): Promise<Outcome> {
  services.ledger.release(facts.uid);
  services.devices.release(facts.uid);
  return {};
}
