import { until } from '../lib/fake/until.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

test('the first restart comes at once and unannounced; the second waits', async () => {
  t.world.cri.scripts.forContainer('main', { runMs: 5, exitCode: 3 });
  t.node.setPod(fakePod('crash'));
  await until(() => t.world.cri.callsTo('StartContainer').length === 2);
  const backOffs = () => t.node.events.filter((e) => e.reason === 'BackOff');
  expect(backOffs()).toEqual([]);
  await until(() => backOffs().length === 1);
  const waiting = () => t.world.accepted.get('uid-crash')?.containerStatuses?.[0]?.state?.waiting;
  await until(() => waiting()?.reason === 'CrashLoopBackOff');
  expect(waiting()?.message).toBe('back-off 10s restarting failed container=main pod=crash_default(uid-crash)');
  expect(t.world.accepted.get('uid-crash')?.containerStatuses?.[0]?.restartCount).toBe(1);
});
