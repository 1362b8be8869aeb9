import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakePod, fakeWorld } from './fake/fakeNode.ts';

let world: FakeWorld;
let node: FakeNode;
beforeEach(async () => {
  world = await fakeWorld();
  node = await new FakeNode(world).start();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

test('the first restart comes at once and unannounced; the second waits', async () => {
  world.cri.scripts.forContainer('main', { runMs: 5, exitCode: 3 });
  node.setPod(fakePod('crash'));
  await until(() => world.cri.callsTo('StartContainer').length === 2);
  const backOffs = () => node.events.filter((e) => e.reason === 'BackOff');
  expect(backOffs()).toEqual([]);
  await until(() => backOffs().length === 1);
  const waiting = () => world.accepted.get('uid-crash')?.containerStatuses?.[0]?.state?.waiting;
  await until(() => waiting()?.reason === 'CrashLoopBackOff');
  expect(waiting()?.message).toBe('back-off 10s restarting failed container=main pod=crash_default(uid-crash)');
  expect(world.accepted.get('uid-crash')?.containerStatuses?.[0]?.restartCount).toBe(1);
});
