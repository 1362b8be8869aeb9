import { until } from '../lib/fake/until.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';
import { type RecordedDecision, replay } from './replay.ts';

const t = freshNode();

const phase = (uid: string) => t.node.status(uid)?.phase;
const ready = (uid: string) => t.node.isReady(uid);

test('a Pod runs, is deleted, and nothing is left of it', async () => {
  t.node.setPod(fakePod('web'));
  await until(() => ready('uid-web'));
  expect(phase('uid-web')).toBe('Running');
  expect(t.world.cri.callsTo('RunPodSandbox')).toHaveLength(1);
  expect(t.world.cri.callsTo('StartContainer')).toHaveLength(1);
  t.node.deletePod('uid-web', 1);
  await until(() => t.world.deleted.includes('uid-web') && t.node.workers.get('uid-web') === undefined);
  expect(t.world.cri.world.containers.size).toBe(0);
  expect(t.world.cri.world.sandboxes.size).toBe(0);
});

test('replay of everything that was decided finds no difference', async () => {
  t.node.setPod(fakePod('web'));
  await until(() => ready('uid-web'));
  const trace = JSON.parse(JSON.stringify(t.node.trace)) as RecordedDecision[];
  expect(trace.length).toBeGreaterThan(3);
  expect(replay(trace)).toBeUndefined();
});

test('a restart of the kubelet restarts nothing', async () => {
  t.node.setPod(fakePod('web'));
  await until(() => ready('uid-web'));
  const before = t.node.status('uid-web');
  const written = t.world.statuses.get('uid-web')!.length;
  t.node.crash();
  t.node = await new FakeNode(t.world).start();
  await until(() => t.node.workers.get('uid-web')?.last?.decision.reasons.length === 0);
  expect(t.world.cri.callsTo('StartContainer')).toHaveLength(1);
  expect(t.world.cri.callsTo('RunPodSandbox')).toHaveLength(1);
  expect(t.node.status('uid-web')).toEqual(before);
  expect(t.world.statuses.get('uid-web')!.slice(written)).toEqual([]);
});
