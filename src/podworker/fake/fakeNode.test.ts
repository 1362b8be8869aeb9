import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { FakeNode, fakeWorld } from './fakeNode.ts';
import { fakePod } from './fakePod.ts';

test('a killed life writes nothing any more, and its Pods are Ready again when the next life finds them so', async () => {
  await using world = await fakeWorld();
  const clock = new ManualClock(Date.now());
  const killed = await new FakeNode(world, clock).start();
  killed.setPod(fakePod('web'));
  await until(() => {
    clock.advance(100);
    return killed.isReady('uid-web');
  });
  await killed.actuated.flush();
  const file = join(world.root, 'actuated_pods_state');
  expect(existsSync(file)).toBe(true);
  killed.actuated.set('uid-web', { containers: { late: {} } });
  killed.crash();
  expect(clock.pending).toBe(0);
  using next = new FakeNode(world, clock);
  expect(next.isReady('uid-web')).toBe(false);
  await next.start();
  await until(() => {
    clock.advance(100);
    return next.isReady('uid-web');
  });
  expect(next.actuated.get('uid-web')?.containers).not.toHaveProperty('late');
});
