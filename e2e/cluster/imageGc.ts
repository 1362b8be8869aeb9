// Images that nobody uses go when the disk is too full; those that somebody uses, or is about to, stay.
import assert from 'node:assert/strict';
import { statfs } from 'node:fs/promises';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { KubeletOptions } from '../../hack/cluster/kubelet.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Event } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { create, image, pod, restingPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

const unused = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';
const awaited = 'registry.k8s.io/e2e-test-images/agnhost:2.55';

async function isThere(t: TestContext, name: string): Promise<boolean> {
  return (await t.lab.cri.imageStatus({ image: name })).image !== null;
}

/** Thresholds that the disk is beyond, with more to free than there are images. */
async function fullDisk(t: TestContext): Promise<KubeletOptions> {
  const { imageFilesystems } = await t.lab.cri.imageFsInfo();
  const { blocks, bavail } = await statfs(imageFilesystems[0]?.fsId?.mountpoint ?? '/');
  const high = Math.max(2, 100 - Math.floor((bavail * 100) / blocks) - 2);
  const thresholds = { imageGCHighThresholdPercent: high, imageGCLowThresholdPercent: high - 1 };
  return { config: { ...thresholds, imageMinimumGCAge: '1s' } };
}

const nodeEvents = (t: TestContext, reason: string): Event[] =>
  t.lab.events.all('default').filter((e) => e.involvedObject?.kind === 'Node' && e.reason === reason);

async function untilRemoved(t: TestContext): Promise<void> {
  await waitFor(`${unused} to be removed`, { timeout: patience }, async () => !(await isThere(t, unused)));
}

/** A Pod whose image is there and whose container is not: it waits for a ConfigMap. */
async function waiting(t: TestContext): Promise<void> {
  const envFrom = [{ configMapRef: { name: 'later' } }];
  const containers = [{ name: 'main', image: awaited, args: ['pause'], envFrom }];
  await create(t, pod(t, 'waiting', { containers }));
  await waitFor(`${awaited} to be pulled`, { timeout: patience }, () => isThere(t, awaited));
}

async function collect(t: TestContext): Promise<void> {
  const { cri } = t.lab;
  await create(t, restingPod(t, 'used'));
  await untilReady(t, 'used');
  await waiting(t);
  await cri.pullImage({ image: unused }, undefined, undefined);
  const pinned = (await cri.listImages()).filter((i) => i.pinned).map(({ id }) => id);
  assert.ok(pinned.length > 0, 'the runtime has pinned no image');
  const options = await fullDisk(t);
  const seen = Unnoticed.of(t, ['used']);
  try {
    await t.lab.restartAgent(options);
    await untilRemoved(t);
    const { events } = t.lab;
    const [told] = await events.until('FreeDiskSpaceFailed', () => {
      const found = nodeEvents(t, 'FreeDiskSpaceFailed');
      return found.length > 0 ? found : undefined;
    });
    assert.match(
      told?.message ?? '',
      /^Insufficient free disk space on the node's image filesystem \(\d+% of [\d.]+ [KMGT]iB used\)\. Failed to free sufficient space by deleting unused images \(freed \d+ bytes\)\. /,
    );
    await events.until('ImageGCFailed', () => nodeEvents(t, 'ImageGCFailed').length > 0);
    const metrics = await t.lab.kubectl('get', '--raw', `/api/v1/nodes/${t.lab.node}/proxy/metrics`);
    assert.match(metrics.stdout, /^kubelet_image_garbage_collected_total\{reason="space"\} [1-9]/m);

    // Once more, by an agent that was killed and remembers nothing.
    await cri.pullImage({ image: unused }, undefined, undefined);
    await stopKubelet(t.lab.cluster, 'SIGKILL');
    await t.lab.startAgent(options);
    await untilRemoved(t);
    await waitForNodeReady(t.lab.cluster, patience);

    const left = new Set((await cri.listImages()).map(({ id }) => id));
    for (const id of pinned) assert.ok(left.has(id), `the pinned image ${id} is gone`);
    assert.ok(await isThere(t, image), 'the image of a Pod that runs is gone');
    assert.ok(await isThere(t, awaited), 'the image of a Pod that waits is gone');
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'later' }, data: { a: 'b' } };
    await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/configmaps`, configMap);
    await untilReady(t, 'waiting');
    await t.lab.untilLookedAt(seen.pods);
    await seen.assert('image collection and two restarts');
  } finally {
    await t.lab.restartAgent();
  }
}

export const imageGc = group('image collection', [
  test('unused images go from a full disk, all others stay', collect, { mode: 'alone' }),
]);
