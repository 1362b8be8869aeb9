// A Pod that the node rejected is over for good: it stays what it is over a restart of the agent.
import { until } from '../lib/fake/until.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

test('a new start of the agent writes nothing about a Pod that was rejected', async () => {
  const containers = [{ name: 'main', image: 'busybox', resources: { requests: { cpu: '1000' } } }];
  t.node.setPod(fakePod('big', { containers }));
  await until(() => t.node.status('uid-big')?.phase === 'Failed');
  const before = t.node.status('uid-big');
  const written = t.world.statuses.get('uid-big')!.length;
  t.node.crash();
  t.node = await new FakeNode(t.world).start();
  await until(() => t.node.table.get('uid-big')?.phase === 'Finished');
  expect(t.node.status('uid-big')).toEqual(before);
  expect(t.world.statuses.get('uid-big')!.slice(written)).toEqual([]);
});
