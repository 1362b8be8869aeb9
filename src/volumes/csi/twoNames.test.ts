import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../lib/fake/until.ts';
import { podOf } from '../persistent/fake/attachedKind.ts';
import { CsiTestNode } from './fake/node.ts';
import { CsiTestVolumes, csiSpec } from './fake/volumes.ts';

test('two PersistentVolumes of one handle: each Pod gets it once, also over a restart, and nothing is left', async () => {
  await using node = await CsiTestNode.start();
  using world = new CsiTestVolumes(node);
  await world.volumes.rebuild();
  const driver = await node.registered({ capabilities: ['STAGE_UNSTAGE_VOLUME'] });
  const [a, b] = [podOf('a'), podOf('b')];
  const [one, two] = [csiSpec('h1'), csiSpec('h1', {}, { name: 'pv-two' })];
  const both = Promise.all([world.have(a, one), world.have(b, two)]);
  await until(() => world.volumes.inUse()?.length === 1);
  world.attach('h1');
  await both;
  world.restart();
  await world.volumes.rebuild();
  world.attach('h1');
  await Promise.all([world.have(a, one), world.have(b, two)]);
  const placesOf = (uid: string) => readdirSync(join(node.root, 'pods', uid, 'volumes/kubernetes.io~csi'));
  expect([placesOf('a'), placesOf('b')].map((names) => names.length)).toEqual([1, 1]);
  world.volumes.sourcesSynced();
  await Promise.all([world.leave('a'), world.leave('b')]);
  await until(() => world.volumes.size === 0);
  expect([driver.wrongs, [...driver.volumes.values()].flatMap(({ published }) => [...published])]).toEqual([[], []]);
});
