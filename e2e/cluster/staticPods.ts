import assert from 'node:assert/strict';
import { nodeUid, untilNothingLeft } from '../lib/leftovers.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { container, podUrl, rest, shell, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

async function life(t: TestContext): Promise<void> {
  const mirror = mirrorName(t, 'fixed');
  try {
    writeManifest(t, 'fixed', staticPod(t, 'fixed'));
    const up = await untilReady(t, mirror);
    const { annotations, ownerReferences } = up.metadata ?? {};
    assert.equal(annotations?.['kubernetes.io/config.mirror'], annotations?.['kubernetes.io/config.hash']);
    assert.equal(annotations?.['kubernetes.io/config.source'], 'file');
    const owner = ownerReferences?.[0];
    assert.deepEqual([owner?.kind, owner?.name, owner?.controller], ['Node', t.lab.node, true]);
    await mirrorDeleted(t, mirror);
    await changed(t, mirror);
  } finally {
    removeManifest(t, 'fixed');
  }
  await t.lab.pods.until('the mirror to go', () => !t.lab.pods.get(t.namespace, mirror));
}

/** Deleting the mirror does nothing to the Pod; another mirror comes. */
async function mirrorDeleted(t: TestContext, mirror: string): Promise<void> {
  const before = t.lab.pods.get(t.namespace, mirror);
  await t.lab.api.remove(podUrl(t, mirror), { gracePeriodSeconds: 0 });
  const again = await untilPod(
    t,
    mirror,
    'to have another mirror',
    (p) => p.metadata?.uid !== before?.metadata?.uid && container(p, 'main')?.containerID,
  );
  assert.equal(container(again, 'main')?.containerID, container(before, 'main')?.containerID);
  assert.equal(container(again, 'main')?.restartCount, 0);
}

/** Another manifest is another Pod: the old one ends first. */
async function changed(t: TestContext, mirror: string): Promise<void> {
  const before = t.lab.pods.get(t.namespace, mirror);
  writeManifest(t, 'fixed', staticPod(t, 'fixed', { containers: [shell('main', `echo changed; ${rest}`)] }));
  const uid = nodeUid(before ?? {});
  await untilPod(t, mirror, 'to be the changed Pod', (p) => nodeUid(p) !== uid && container(p, 'main')?.state?.running);
  await untilNothingLeft(t.lab, uid, 90_000);
}

async function removed(t: TestContext): Promise<void> {
  writeManifest(t, 'brief', staticPod(t, 'brief'));
  const up = await untilReady(t, mirrorName(t, 'brief'));
  const start = performance.now();
  removeManifest(t, 'brief');
  await t.lab.pods.until('the mirror to go', () => !t.lab.pods.get(t.namespace, mirrorName(t, 'brief')));
  t.note(`gone after ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await untilNothingLeft(t.lab, nodeUid(up), 90_000);
}

export const staticPods = group('static Pods', [
  test('mirror, changed manifest, deleted mirror', life),
  test('a removed manifest leaves nothing', removed),
]);
