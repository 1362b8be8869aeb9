import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../lib/fake/until.ts';
import { podOf, volumeOf } from '../persistent/fake/attachedKind.ts';
import { IQN, ScsiNode } from './fake/target.ts';

const a = podOf('a');
const own = { targetPortal: '10.0.0.1', iqn: IQN, lun: 0, initiatorName: 'iqn.2020-01.org:me' };
const spec = volumeOf('pv', { iscsi: own });

/** The process dies in its nth call of a program from now on: that program has done its work, and nobody hears of it. */
function dieAt(node: ScsiNode, nth: number): { readonly died: () => boolean } {
  const { answer } = node.node;
  let count = 0;
  let died = false;
  node.node.answer = async (request) => {
    const answered = await answer(request);
    if (count++ !== nth) return answered;
    died = true;
    node.node.answer = answer;
    return new Promise(() => {});
  };
  return { died: () => died };
}

async function nothingLeft(node: ScsiNode): Promise<void> {
  await until(async () => {
    await node.node.clock.advanceAsync(500);
    return node.node.volumes.size === 0;
  });
  const plugins = join(node.node.root, 'plugins/kubernetes.io/iscsi');
  const left = existsSync(plugins) ? readdirSync(plugins).flatMap((iface) => readdirSync(join(plugins, iface))) : [];
  expect([node.sessions.size, left, await node.node.mounter.list(node.node.root)]).toEqual([0, [], []]);
  expect(existsSync(join(node.node.root, 'pods/a/volumes/kubernetes.io~iscsi/pv'))).toBe(false);
}

/** Calls of one whole life of the volume, and at each of them the process dies once. */
test('killed in any call on the way to the disk and back, no session, mount or directory is left', async () => {
  let nth = 0;
  for (let more = true; more; nth++) {
    using node = new ScsiNode('iscsi');
    const { died } = dieAt(node, nth);
    let ended = false;
    const life = async () => {
      await node.have('a', spec);
      node.node.volumes.sourcesSynced();
      await node.node.leave(a);
      await until(() => died() || node.node.volumes.size === 0);
      ended = true;
    };
    life().catch(() => {});
    await until(() => died() || ended);
    more = died();
    node.restart('iscsi');
    await node.node.volumes.rebuild();
    node.node.volumes.sourcesSynced();
    await node.node.leave(a);
    await nothingLeft(node);
  }
  expect(nth).toBeGreaterThan(15);
});
