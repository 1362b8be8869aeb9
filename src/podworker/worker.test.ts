import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakePod, fakeWorld } from './fake/fakeNode.ts';
import { type RecordedDecision, replay } from './replay.ts';

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

const phase = (uid: string) => node.status(uid)?.phase;
const ready = (uid: string) => node.status(uid)?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';

test('a Pod runs, is deleted, and nothing is left of it', async () => {
  node.setPod(fakePod('web'));
  await until(() => ready('uid-web'));
  expect(phase('uid-web')).toBe('Running');
  expect(world.cri.callsTo('RunPodSandbox')).toHaveLength(1);
  expect(world.cri.callsTo('StartContainer')).toHaveLength(1);
  node.deletePod('uid-web', 1);
  await until(() => world.deleted.includes('uid-web') && node.workers.get('uid-web') === undefined);
  expect(world.cri.world.containers.size).toBe(0);
  expect(world.cri.world.sandboxes.size).toBe(0);
});

test('replay of everything that was decided finds no difference', async () => {
  node.setPod(fakePod('web'));
  await until(() => ready('uid-web'));
  const trace = JSON.parse(JSON.stringify(node.trace)) as RecordedDecision[];
  expect(trace.length).toBeGreaterThan(3);
  expect(replay(trace)).toBeUndefined();
});

test('a restart of the kubelet restarts nothing', async () => {
  node.setPod(fakePod('web'));
  await until(() => ready('uid-web'));
  node.crash();
  node = await new FakeNode(world).start();
  await until(() => node.workers.get('uid-web')?.last?.decision.reasons.length === 0);
  expect(world.cri.callsTo('StartContainer')).toHaveLength(1);
  expect(world.cri.callsTo('RunPodSandbox')).toHaveLength(1);
});
