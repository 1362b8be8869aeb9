import { ObjectStore } from '../../api/objectStore.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { AllocatableUpdates } from './allocatableUpdates.ts';
import { CsiTestNode, DRIVER, NODE } from './fake/node.ts';

test('a driver is asked in the period of its CSIDriver, and the CSINode follows', async () => {
  await using node = await CsiTestNode.start();
  const clock = new ManualClock();
  const { drivers, nodeInfo } = node;
  using store = new ObjectStore(node.client, { whole: { CSIDriver: {} } });
  using updates = new AllocatableUpdates({ drivers, store, nodeInfo, clock, log: silentLogger });
  let max = 5;
  await node.registered({
    maxVolumes: () => max,
  });
  const count = () => node.api.objects.get('CSINode', undefined, NODE)!.spec.drivers[0]?.allocatable?.count;
  const put = (seconds?: number) =>
    node.api.objects.set('CSIDriver', {
      metadata: { name: DRIVER },
      spec: seconds === undefined ? {} : { nodeAllocatableUpdatePeriodSeconds: seconds },
    });
  expect(clock.pending).toBe(0);
  put(20);
  await until(() => clock.pending === 1);
  max = 3;
  expect(count()).toBe(5);
  clock.advance(20_000);
  await until(() => count() === 3);
  await until(() => clock.pending === 1);
  put();
  await until(() => clock.pending === 0);
  max = 2;
  await updates.updateNow(DRIVER);
  expect(count()).toBe(2);
  put(20);
  await until(() => clock.pending === 1);
  await node.registration.deregister(node.plugin(), node.signal);
  expect(clock.pending).toBe(0);
});
