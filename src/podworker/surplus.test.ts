// Dead containers that the node has no room for.
import { until } from '../lib/fake/until.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

/** A Pod that has run to its end; returns its container. */
async function finished(name: string): Promise<string> {
  const uid = `uid-${name}`;
  t.node.setPod(fakePod(name, { restartPolicy: 'Never' }));
  await until(() => t.node.isReady(uid));
  const [container] = t.node.table.get(uid)!.observed!.containers;
  t.world.cri.exitContainer(container!.id, 3);
  await until(() => t.node.table.get(uid)?.phase === 'Finished' && t.node.status(uid)?.phase === 'Failed');
  return container!.id;
}

test('a Pod that is over gives its dead containers up, and its status says what it said, over a restart too', async () => {
  const id = await finished('job');
  const before = t.node.status('uid-job');
  expect(before?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3 });
  const writes = t.world.statuses.get('uid-job')!.length;
  t.node.table.learn('uid-job', { kind: 'surplus', containers: [id] });
  await until(() => t.node.table.get('uid-job')?.observed?.containers.length === 0);
  expect(t.world.cri.world.containers.has(id)).toBe(false);
  t.node.crash();
  t.node = await new FakeNode(t.world).start();
  await until(() => t.node.table.get('uid-job')?.phase === 'Finished');
  expect(t.node.status('uid-job')).toEqual(before);
  expect(t.world.statuses.get('uid-job')).toHaveLength(writes);
});
