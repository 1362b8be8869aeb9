import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../lib/logger.ts';
import type { KindHost, WantedStep } from '../persistent/contract.ts';
import { podOf } from '../persistent/fake/attachedKind.ts';
import { CsiTestNode, DRIVER } from './fake/node.ts';
import { csiSpec } from './fake/volumes.ts';
import { CsiKind } from './kind.ts';
import { blockPlaces, uniqueName } from './names.ts';

test('a raw device: staged and published where every kubelet does it, found on disk, and nothing is left of it', async () => {
  await using node = await CsiTestNode.start();
  const driver = await node.registered({ capabilities: ['STAGE_UNSTAGE_VOLUME'] });
  mkdirSync(join(node.root, 'data-0'));
  const { root, mounter, signal } = node;
  const host: KindHost = { root, mounter, log: silentLogger, digest: () => '', run: undefined as never };
  const kind = new CsiKind(node.services);
  const spec = csiSpec('h1', {}, { mode: 'Block' });
  const volume = { uniqueName: uniqueName(DRIVER, 'h1'), name: 'pv-h1', mode: 'Block', attachable: false } as const;
  const step = { host, volume, signal };
  const context = { objects: { get: () => ({ state: 'absent' }) }, nodeAllocatable: {} } as never;
  const wanted = { ...step, spec, context, pod: podOf('a'), again: false } as unknown as WantedStep;
  const places = blockPlaces(root, 'pv-h1', 'a');
  await kind.stage!(wanted);
  expect(await kind.publish(wanted)).toEqual({ path: places.publish });
  const devices = join(root, 'plugins/kubernetes.io/csi/volumeDevices');
  expect(driver.requests('NodeStageVolume')[0]).toMatchObject({
    stagingTargetPath: join(devices, 'staging/pv-h1'),
    volumeCapability: { block: {}, accessMode: { mode: 'SINGLE_NODE_WRITER' } },
  });
  expect(driver.requests('NodePublishVolume')[0]).toMatchObject({
    stagingTargetPath: join(devices, 'staging/pv-h1'),
    targetPath: join(devices, 'publish/pv-h1/a'),
  });
  expect(JSON.parse(readFileSync(join(devices, 'pv-h1/data/vol_data.json'), 'utf8'))).toMatchObject({
    specVolID: 'pv-h1',
    volumeHandle: 'h1',
    driverName: DRIVER,
  });
  expect(kind.deviceMapDirectory!(host, { uniqueName: '', name: 'pv-h1' })).toBe(join(devices, 'pv-h1/dev'));
  expect(await kind.reconstruct(host)).toEqual([{ ...volume, attachable: true, staged: true, pods: ['a'] }]);
  await kind.unpublish({ ...step, podUid: 'a' });
  await kind.unstage!(step);
  await kind.unstage!(step);
  expect(driver.calls.map(({ method }) => method).filter((m) => !m.startsWith('NodeGet'))).toEqual([
    'NodeStageVolume',
    'NodePublishVolume',
    'NodeUnpublishVolume',
    'NodeUnstageVolume',
  ]);
  expect(existsSync(join(devices, 'pv-h1'))).toBe(false);
  expect(existsSync(join(devices, 'staging/pv-h1'))).toBe(false);
  expect(existsSync(join(devices, 'publish/pv-h1'))).toBe(false);
  expect(await kind.reconstruct(host)).toEqual([]);
});
