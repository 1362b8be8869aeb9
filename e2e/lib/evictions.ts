// What tests of evictions wait for and look at.
import assert from 'node:assert/strict';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Event, Node, Pod } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import { create, restingPod, untilPhase } from './pods.ts';
import type { TestContext } from './test.ts';

/** The Event Evicted about a Pod, when it has come. */
export async function untilEvictedEvent(t: TestContext, of: Pod): Promise<Event> {
  const uid = of.metadata?.uid;
  const find = () => t.lab.events.all(t.namespace).find((e) => e.involvedObject?.uid === uid && e.reason === 'Evicted');
  return t.lab.events.until(`the Event Evicted of ${of.metadata?.name}`, find);
}

/** Waits until the Node's condition has a status. */
export async function untilCondition(t: TestContext, type: string, status: string): Promise<void> {
  await waitFor(`the Node's ${type} to be ${status}`, { timeout: patience, interval: 500 }, async () => {
    const node = await t.lab.api.find<Node>(`/api/v1/nodes/${t.lab.node}`);
    return node?.status?.conditions?.find((c) => c.type === type)?.status === status;
  });
}

/**
 * The lab's own agent again, on a Node that is short of nothing: a condition outlasts a restart by its transition period, and would keep
 * Pods of other tests out for five minutes.
 */
export async function withoutPressure(t: TestContext): Promise<void> {
  await t.lab.restartAgent({ config: { evictionPressureTransitionPeriod: '1s' } });
  for (const type of ['MemoryPressure', 'DiskPressure', 'PIDPressure']) await untilCondition(t, type, 'False');
  await t.lab.restartAgent();
}

/** The eviction's condition on a Pod (KEP-3329). */
export const disruption = (of: Pod) => of.status?.conditions?.find((c) => c.type === 'DisruptionTarget');

/** Versions of the Events that say that a resource is to be freed: an Event that says it once more is another one. */
export function attempts(t: TestContext, resource: string): string[] {
  return t.lab.events
    .all()
    .filter((e) => e.reason === 'EvictionThresholdMet' && e.message === `Attempting to reclaim ${resource}`)
    .map(({ metadata }) => metadata?.resourceVersion ?? '');
}

/** Waits for the Pod that has to go, and looks at all that is said of it. Returns its message. */
export async function untilEvicted(t: TestContext, name: string, resource: string, threshold: string): Promise<string> {
  const failed = await untilPhase(t, name, 'Failed');
  const message = failed.status?.message ?? '';
  assert.equal(failed.status?.reason, 'Evicted');
  const words = `^The node was low on resource: ${resource}\\. Threshold quantity: ${threshold}, available: \\w+\\. `;
  assert.match(message, new RegExp(words));
  const condition = disruption(failed);
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    ['True', 'TerminationByKubelet', message],
  );
  const event = await untilEvictedEvent(t, failed);
  assert.equal(event.metadata?.annotations?.starved_resource, resource);
  return message;
}

/** A Pod that comes meanwhile is refused with the condition's name. Returns it. */
export async function refused(t: TestContext, name: string, condition: string): Promise<Pod> {
  await create(t, restingPod(t, name));
  const rejected = await untilPhase(t, name, 'Failed');
  assert.deepEqual(
    [rejected.status?.reason, rejected.status?.message],
    ['Evicted', `Pod was rejected: The node had condition: [${condition}]. `],
  );
  return rejected;
}
