// Dynamic resource allocation: claims that the scheduler allocates, a driver that gives CDI devices, its end, and the end of both kubelets.
import assert from 'node:assert/strict';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { podResourcesProtocol } from '../../src/plugins/protocols/podResources.ts';
import { createCaller } from '../../src/rpc/caller.ts';
import { Connection } from '../../src/rpc/connection.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { DraDriverProcess } from '../lib/draDriver.ts';
import { expectWait } from '../lib/expectWait.ts';
import {
  container,
  create,
  pod,
  remove,
  removeAndWait,
  rest,
  restingPod,
  shell,
  untilGone,
  untilReady,
} from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

const claimsUrl = (t: TestContext) => `/apis/resource.k8s.io/v1/namespaces/${t.namespace}`;
const request = (driver: string) => ({
  devices: { requests: [{ name: 'one', exactly: { deviceClassName: driver } }] },
});

/** A Pod for the scheduler whose container runs only with the variable of its claim. */
function claiming(t: TestContext, name: string, claim: object, wanted: string): Pod {
  const main = shell('main', `case "$DRA_CLAIM" in ${wanted}) ;; *) exit 1 ;; esac; ${rest}`, {
    resources: { claims: [{ name: 'device' }] },
  });
  return pod(t, name, {
    nodeName: undefined,
    restartPolicy: 'Never',
    resourceClaims: [{ name: 'device', ...claim }],
    containers: [main],
  } as object);
}

/** The claims and CDI devices of a Pod, as podresources tells them. */
async function heldBy(t: TestContext, name: string): Promise<unknown[]> {
  const endpoint = path.join(t.lab.cluster.layout.kubeletRoot, 'pod-resources/kubelet.sock');
  using connection = new Connection({ endpoint, peer: 'kubelet' });
  const caller = createCaller(connection, podResourcesProtocol, 'v1.PodResourcesLister', 5000);
  const { podResources } = await caller.unary('Get', { podName: name, podNamespace: t.namespace });
  return (podResources?.containers ?? []).flatMap((c) =>
    c.dynamicResources.flatMap(({ claimName, claimResources }) =>
      claimResources.map(({ driverName, cdiDevices }) => [claimName, driverName, cdiDevices.length]),
    ),
  );
}

/** Waits until podresources tells that Pod a has the shared claim, and nothing else: after a restart that takes a moment. */
async function untilHeld(t: TestContext, driver: string): Promise<void> {
  let seen: unknown;
  try {
    await waitFor('', { timeout: patience, interval: 50 }, async () => {
      seen = await heldBy(t, 'a').catch((error) => error);
      return isDeepStrictEqual(seen, [['shared', driver, 1]]);
    });
  } catch {
    assert.deepEqual(seen, [['shared', driver, 1]]);
  }
}

async function ownDriver(t: TestContext): Promise<void> {
  const { cluster } = t.lab;
  const name = `dra.${t.namespace}.example`;
  await using driver = await new DraDriverProcess(t, name).start();
  try {
    await driver.publishClass();
    await driver.publish(4);
    const metadata = (of: string) => ({ name: of, namespace: t.namespace });
    await t.lab.api.create(`${claimsUrl(t)}/resourceclaims`, { metadata: metadata('shared'), spec: request(name) });
    await t.lab.api.create(`${claimsUrl(t)}/resourceclaimtemplates`, {
      metadata: metadata('each'),
      spec: { spec: request(name) },
    });

    // Two Pods with one claim, and one with a claim of its own.
    const shared = { resourceClaimName: 'shared' };
    const each = { resourceClaimTemplateName: 'each' };
    await create(t, claiming(t, 'a', shared, 'shared'));
    await create(t, claiming(t, 'b', shared, 'shared'));
    await create(t, claiming(t, 'own', each, 'own-device-*'));
    const names = ['a', 'b', 'own'];
    for (const one of names) await untilReady(t, one);
    const prepared = driver.claims('NodePrepareResources').map((claim) => String(claim).replace(/-\w{5}$/, ''));
    assert.deepEqual(prepared.sort(), ['own-device', 'shared']);
    await untilHeld(t, name);
    assert.deepEqual(driver.of('NodeUnprepareResources'), []);
    const { uid } = driver.of('NodePrepareResources').find((call) => call.request.name === 'shared')?.request ?? {};
    const device = `${name}/claim=${uid}`;
    const { allocatedResourcesStatus } = container(t.lab.pods.get(t.namespace, 'a'), 'main') ?? {};
    const resources = [{ resourceID: device, health: 'Unknown' }];
    assert.deepEqual(allocatedResourcesStatus, [{ name: 'claim:device', resources }]);
    assert.deepEqual((await t.lab.why(t.namespace, 'a'))?.holds, [`main: claim:device ${device}`]);

    // Nobody notices a kill; ResourceSlices are taken back, as by the Go kubelet, and published again by their driver.
    const seen = Unnoticed.of(t, names);
    await stopKubelet(cluster, 'SIGKILL');
    await t.lab.startAgent();
    await waitForNodeReady(cluster, patience);
    await waitFor(
      'the ResourceSlices to be taken back',
      { timeout: patience },
      async () => !(await driver.isPublished()),
    );
    await driver.publish(4);
    await t.lab.untilLookedAt(seen.pods);
    await seen.assert('a kill of the agent');
    assert.equal(driver.of('NodePrepareResources').length, 2, 'what runs was prepared again');
    await untilHeld(t, name);

    // A driver that hangs is named, and holds up its own Pods only.
    await driver.tell('hang NodePrepareResources');
    await create(t, claiming(t, 'late', each, 'late-device-*'));
    await expectWait(
      t,
      'late',
      'PreparingClaims',
      /^the Pod's ResourceClaims are being prepared: waiting for NodePrepareResources of DRA driver dra\..*\.example for late-device-/,
    );
    await create(t, restingPod(t, 'plain'));
    await untilReady(t, 'plain');
    await driver.kill();
    await expectWait(
      t,
      'late',
      'DynamicResources',
      /prepare dynamic resources: NodePrepareResources: rpc error: code = /,
    );
    await driver.start();
    await untilReady(t, 'late');

    // The Go kubelet goes on with what was prepared, and so do we afterwards.
    await untilOldEnough(t, names);
    const swap = Unnoticed.of(t, names);
    const before = driver.of('NodePrepareResources').length;
    await stopKubelet(cluster);
    await startKubelet(cluster, 'go');
    await waitForNodeReady(cluster, patience);
    await untilHeld(t, name);
    await stopKubelet(cluster);
    await t.lab.startAgent();
    await waitForNodeReady(cluster, patience);
    await t.lab.untilLookedAt(swap.pods);
    await swap.assert('the Go kubelet and back');
    await untilHeld(t, name);
    assert.equal(driver.of('NodePrepareResources').length, before);

    // The last Pod of a claim gives it back; a driver that is gone holds that Pod, and is named.
    const get = (one: string) => t.lab.pods.get(t.namespace, one) as Pod;
    await removeAndWait(t, get('a'));
    assert.deepEqual(driver.of('NodeUnprepareResources'), []);
    await driver.leave();
    const b = get('b');
    await remove(t, 'b');
    await expectWait(
      t,
      'b',
      'UnpreparingClaims',
      /could not be given back: unprepare dynamic resources: DRA driver dra\..*\.example is not registered; next try in/,
    );
    await driver.start();
    await untilGone(t, b);
    assert.deepEqual(driver.claims('NodeUnprepareResources'), ['shared']);
    for (const one of ['own', 'late']) await removeAndWait(t, get(one));
    assert.equal(driver.of('NodeUnprepareResources').length, 3);
  } finally {
    try {
      if (cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
    } finally {
      await endPods(t, driver);
    }
  }
}

/** Ends the test's Pods before their driver goes, who alone can end them. */
async function endPods(t: TestContext, driver: DraDriverProcess): Promise<void> {
  await driver.kill();
  await driver.start().catch(() => {});
  for (const one of ['a', 'b', 'own', 'late']) {
    const left = t.lab.pods.get(t.namespace, one);
    if (left) await removeAndWait(t, left).catch(() => {});
  }
}

export const dra = group('dynamic resource allocation', [
  test('a driver of our own: shared claims, its hanging and its end, the end of both kubelets', ownDriver, {
    mode: 'alone',
    weight: 2,
  }),
]);
