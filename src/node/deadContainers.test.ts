import type { ObservedContainer, ObservedPod } from '../cri/observed.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { PodTable } from '../pods/table.ts';
import { TestOwner } from '../pods/testing/owner.ts';
import { DeadContainers } from './deadContainers.ts';

const holding = (...ids: string[]) => {
  const containers = ids.map((id) => ({ id, name: 'a', state: 'exited', createdAt: 1 }) as ObservedContainer);
  return { phase: 'Finished', observed: { containers } as ObservedPod } as const;
};

function setUp(leftovers: () => Promise<number> = async () => 2) {
  const table = new PodTable();
  const pod = new TestOwner(table, holding('c2', 'c1'));
  const policy = { minAgeMs: 0, perContainer: 1, total: -1 };
  const dead = new DeadContainers({ table, policy, removeLeftovers: leftovers, clock: new ManualClock() });
  return { pod, dead };
}

const surplus = (...containers: string[]) => [{ kind: 'surplus', containers }];

test('tells each Pod what the limits leave no room for', () => {
  const { pod, dead } = setUp();
  dead.collect();
  expect(pod.learned).toEqual(surplus('c1'));
});

test('on demand all dead ones of a Pod that is over go; it is done when the runtime shows none of them', async () => {
  const { pod, dead } = setUp();
  let removed: number | undefined;
  const run = dead.removeAllDeadContainers(new AbortController().signal).then((n) => (removed = n));
  expect(pod.learned).toEqual(surplus('c2', 'c1'));
  await Promise.resolve();
  pod.decide(holding('c1'));
  await new Promise(setImmediate);
  expect(removed).toBeUndefined();
  pod.decide(holding());
  await run;
  expect(removed).toBe(4);
});

test('whoever waits for it may stop to, and hears when the runtime cannot be asked', async () => {
  const patience = AbortSignal.abort(new Error('no time left'));
  await expect(setUp().dead.removeAllDeadContainers(patience)).rejects.toThrow('no time left');
  const away = setUp(() => Promise.reject(new Error('the runtime is away')));
  await expect(away.dead.removeAllDeadContainers(new AbortController().signal)).rejects.toThrow('the runtime is away');
});
