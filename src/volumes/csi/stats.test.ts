import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { CsiTestNode, DRIVER } from './fake/node.ts';
import { publishPath } from './names.ts';
import { CsiVolumeStats } from './stats.ts';
import { saveVolumeData } from './volData.ts';

const never = new Promise<void>(() => {});

const abnormal: string[] = [];

async function withVolume(options: Parameters<CsiTestNode['registered']>[0] = {}, health = false) {
  const node = await CsiTestNode.start();
  const driver = await node.registered({ capabilities: ['GET_VOLUME_STATS', 'VOLUME_CONDITION'], ...options });
  const path = publishPath(node.root, 'a', 'pv');
  mkdirSync(dirname(path), { recursive: true });
  await saveVolumeData(dirname(path), { driverName: DRIVER, volumeHandle: 'h1', specVolID: 'pv' });
  const clock = new ManualClock();
  const onAbnormal = (uid: string, at: string, message: string) =>
    void abnormal.push(`${uid} ${at === path} ${message}`);
  const { drivers, root } = node;
  const stats = new CsiVolumeStats({ drivers, root, clock, log: silentLogger, maxAgeMs: 60_000, health, onAbnormal });
  return { node, driver, path, clock, stats };
}

test('a driver is asked once a period, and only drivers look at their volumes', async () => {
  const { node, driver, path, clock, stats } = await withVolume();
  await using _node = node;
  expect(CsiVolumeStats.isCsi(path)).toBe(true);
  expect(CsiVolumeStats.isCsi('/var/lib/kubelet/pods/a/volumes/kubernetes.io~empty-dir/x')).toBe(false);
  const figures = {
    availableBytes: 600,
    capacityBytes: 1000,
    usedBytes: 400,
    inodes: 10,
    inodesFree: 6,
    inodesUsed: 4,
  };
  expect(await stats.of(path, never)).toEqual(figures);
  expect(driver.requests('NodeGetVolumeStats')).toEqual([{ volumeId: 'h1', volumePath: path, stagingTargetPath: '' }]);
  await stats.of(path, never);
  expect(driver.count('NodeGetVolumeStats')).toBe(1);
  clock.advance(60_000);
  await stats.of(path, never);
  expect(driver.count('NodeGetVolumeStats')).toBe(2);
});

test('a driver that hangs holds no answer, and is not asked again meanwhile; the last figures stand', async () => {
  const { node, driver, path, clock, stats } = await withVolume();
  await using _node = node;
  const figures = await stats.of(path, never);
  driver.before = ({ method }) => (method === 'NodeGetVolumeStats' ? never : undefined);
  clock.advance(60_000);
  expect(await stats.of(path, Promise.resolve())).toEqual(figures);
  await until(() => driver.count('NodeGetVolumeStats') === 2);
  expect(await stats.of(path, Promise.resolve())).toEqual(figures);
  expect(driver.count('NodeGetVolumeStats')).toBe(2);
});

test('health is told where it is asked for', async () => {
  const answer = { usage: [], volumeCondition: { abnormal: true, message: 'disk is slow' } };
  const asked = await withVolume({ stats: () => answer }, true);
  await using _asked = asked.node;
  expect(await asked.stats.of(asked.path, never)).toMatchObject({
    abnormal: true,
    message: 'disk is slow',
    capacityBytes: 0,
  });
  await asked.stats.of(asked.path, never);
  expect(abnormal).toEqual(['a true disk is slow']);
  const unasked = await withVolume({ stats: () => answer });
  await using _unasked = unasked.node;
  expect(await unasked.stats.of(unasked.path, never)).toBeUndefined();
});

test('a driver without such figures is not asked', async () => {
  const { node, driver, path, stats } = await withVolume({ capabilities: [] });
  await using _node = node;
  expect(await stats.of(path, never)).toBeUndefined();
  expect(driver.count('NodeGetVolumeStats')).toBe(0);
});
