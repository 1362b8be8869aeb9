// Pods that went away while nobody watched.
import { startApi, stopApi, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { patience } from '../lib/collection.ts';
import { nodeUid, untilNothingLeft } from '../lib/leftovers.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { create, podUrl, restingPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

/** The API object and the manifest go while kubelet-ts is down: only the runtime still knows the Pods. */
async function whileAgentDown(t: TestContext): Promise<void> {
  const mirror = mirrorName(t, 'orphan');
  try {
    writeManifest(t, 'orphan', staticPod(t, 'orphan'));
    await create(t, restingPod(t, 'deleted'));
    await create(t, restingPod(t, 'stays'));
    const [deleted, isStatic] = [await untilReady(t, 'deleted'), await untilReady(t, mirror)];
    await untilReady(t, 'stays');
    const seen = Unnoticed.of(t, ['stays']);
    await stopKubelet(t.lab.cluster, 'SIGKILL');
    await t.lab.api.remove(podUrl(t, 'deleted'), { gracePeriodSeconds: 0 });
    removeManifest(t, 'orphan');
    await t.lab.startAgent();
    await untilNothingLeft(t.lab, nodeUid(deleted));
    await untilNothingLeft(t.lab, nodeUid(isStatic));
    await t.lab.pods.until('the mirror to go', () => !t.lab.pods.get(t.namespace, mirror));
    await t.lab.untilLookedAt(t.lab.pods.all(t.namespace));
    await seen.assert('the kill');
  } finally {
    removeManifest(t, 'orphan');
  }
  await waitForNodeReady(t.lab.cluster, patience);
}

/** A Pod is deleted for good while the API server cannot be asked by the node: it ends when that is known. */
async function whileApiDown(t: TestContext): Promise<void> {
  await create(t, restingPod(t, 'deleted'));
  await create(t, restingPod(t, 'stays'));
  const { metadata } = await untilReady(t, 'deleted');
  await untilReady(t, 'stays');
  const seen = Unnoticed.of(t, ['stays']);
  await stopKubelet(t.lab.cluster, 'SIGKILL');
  await t.lab.api.remove(podUrl(t, 'deleted'), { gracePeriodSeconds: 0 });
  await stopApi(t.lab.cluster);
  try {
    await t.lab.startAgent();
  } finally {
    await startApi(t.lab.cluster);
  }
  await untilNothingLeft(t.lab, metadata?.uid ?? '');
  await t.lab.untilLookedAt(t.lab.pods.all(t.namespace));
  await seen.assert('a start without the API server');
  await waitForNodeReady(t.lab.cluster, patience);
}

export const orphans = group('faults', [
  test('Pods that went away while kubelet-ts was down are ended', whileAgentDown, { mode: 'alone' }),
  test('a Pod deleted meanwhile is ended once the API server is back', whileApiDown, { mode: 'alone' }),
]);
