import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../lib/fake/until.ts';
import { podOf } from '../persistent/fake/attachedKind.ts';
import { FlexNode, flexSpec } from './fake/driver.ts';

const a = podOf('a');
const names = ['k8s/dummy/v'];
const attached = { volumesInUse: names, volumesAttached: names.map((name) => ({ name, devicePath: 'foo' })) };

/** The process dies in its nth call of a driver: the driver has done its work, or not yet begun, and nobody hears of it. */
function dieAt(flex: FlexNode, nth: number, isDone: boolean): { readonly died: () => boolean } {
  const { answer } = flex.node;
  let count = 0;
  let died = false;
  flex.node.answer = async (request) => {
    if (count++ !== nth) return answer(request);
    if (isDone) await answer(request);
    died = true;
    flex.node.answer = answer;
    return new Promise(() => {});
  };
  return { died: () => died };
}

async function wholeLife(flex: FlexNode, died: () => boolean): Promise<void> {
  const having = flex.have('a', flexSpec('v'));
  having.catch(() => {});
  await until(() => died() || flex.node.volumes.size > 0);
  flex.node.volumes.nodeSeen({ status: attached });
  await having;
  flex.node.volumes.sourcesSynced();
  await flex.node.leave(a);
}

test.each([
  ['mounts for each Pod', false, 3],
  ['attaches', true, 6],
])(
  'a driver that %s: killed in any of its calls, nothing is left, and nothing is mounted twice',
  async (_name, attach, calls) => {
    for (const isDone of [true, false]) {
      let nth = 0;
      for (let more = true; more; nth++) {
        using flex = new FlexNode();
        flex.attach = attach;
        flex.install();
        const { died } = dieAt(flex, nth, isDone);
        let ended = false;
        wholeLife(flex, died).then(
          () => {
            ended = true;
          },
          () => {},
        );
        await until(() => died() || (ended && flex.node.volumes.size === 0));
        more = died();
        flex.restart();
        await flex.node.volumes.rebuild();
        flex.node.volumes.sourcesSynced();
        await flex.node.leave(a);
        await until(async () => {
          await flex.node.clock.advanceAsync(500);
          return flex.node.volumes.size === 0;
        });
        expect(await flex.node.mounter.list(flex.node.root)).toEqual([]);
        for (const place of ['pods/a/volumes/k8s~dummy/v', 'plugins/kubernetes.io/flexvolume/k8s/dummy/mounts/v'])
          expect(existsSync(join(flex.node.root, place))).toBe(false);
        const targets = flex.commands.filter((call) => /^mount(?:device)? /.test(call));
        expect(new Set(targets).size).toBe(targets.length);
      }
      expect(nth).toBeGreaterThanOrEqual(calls);
    }
  },
);
