import { Random } from '../lib/fake/random.ts';
import { until } from '../lib/fake/until.ts';
import type { TerminateRequest } from '../pods/facts.ts';
import { FakeNode, fakeWorld } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';

/** Kills in all; each trial has one to three. */
const KILLS = 40;
const uid = 'uid-web';
const message = 'The node was low on resource: memory. Threshold quantity: 100Mi, available: 5Mi. ';
const eviction: TerminateRequest = {
  cause: 'evicted',
  graceSeconds: 1,
  reason: 'Evicted',
  message,
  condition: { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message },
};

const web = () =>
  fakePod('web', {
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: ['a', 'b'].map((name) => ({
      name,
      image: 'busybox',
      imagePullPolicy: 'IfNotPresent',
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    })),
  });

/** Kills the node at the `count`-th step from now: before an action is sent, or after it was done and before it was heard of. */
function killAt(node: FakeNode, count: number): { done: boolean } {
  const kill = { done: false };
  let steps = 0;
  const step = () => {
    steps += 1;
    if (steps !== count) return;
    node.crash();
    kill.done = true;
  };
  node.beforeEffect = step;
  node.afterEffect = step;
  return kill;
}

test(`${KILLS} kills at random moments of evictions: who was stopped says why, and who was not goes on`, async () => {
  const random = new Random(20);
  const seen = { evicted: 0, untouched: 0 };
  for (let kills = 0; kills < KILLS; ) {
    await using world = await fakeWorld();
    let node = await new FakeNode(world).start();
    node.setPod(web());
    await until(() => node.isReady(uid));
    const status = () => world.accepted.get(uid);
    const isOver = () => node.workers.get(uid)?.last?.decision.memory.phase === 'Finished';
    const lives = 1 + random.int(3);
    for (let life = 1; life <= lives; life += 1) {
      const kill = killAt(node, 1 + random.int(14));
      // Later lives are not asked again: only what the first one noted can tell them.
      if (life === 1) node.table.end(uid, eviction);
      await until(() => kill.done || isOver() || (life > 1 && node.isReady(uid)));
      if (kill.done) kills += 1;
      node[Symbol.dispose]();
      node = await new FakeNode(world).start();
    }
    const wasStopped = world.cri.callsTo('StopContainer').length > 0;
    await until(() => status()?.phase === 'Failed' || (!wasStopped && node.isReady(uid)));
    if (status()?.phase === 'Failed') {
      seen.evicted += 1;
      expect(status()).toMatchObject({ reason: 'Evicted', message });
      const condition = status()?.conditions?.find((c) => c.type === 'DisruptionTarget');
      expect(condition).toMatchObject({ status: 'True', reason: 'TerminationByKubelet', message });
    } else {
      seen.untouched += 1;
      const containers = status()?.containerStatuses?.map((c) => [c.ready, c.restartCount]);
      expect(containers).toEqual([
        [true, 0],
        [true, 0],
      ]);
    }
    node[Symbol.dispose]();
  }
  expect(seen.evicted).toBeGreaterThan(KILLS / 8);
  expect(seen.untouched).toBeGreaterThan(0);
});
