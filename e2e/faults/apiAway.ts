// The API server dies, hangs, or cannot be reached, while Pods come and go.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { apiRequest } from '../../hack/cluster/apiRequest.ts';
import { freeze, startApi, stopApi, stopKubelet, unfreeze, waitForNodeReady } from '../../hack/cluster/control.ts';
import { net } from '../../hack/cluster/layout.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { Churn } from '../lib/churn.ts';
import { patience } from '../lib/collection.ts';
import type { Lab } from '../lib/lab.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { assertStartedOnce, once, onceSpec, untilAgreed } from '../lib/once.ts';
import { container, create, pod, removeAndWait, rest, restingPod, shell, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

interface Fault {
  /** How long it lasts in the ordinary run, ms. */
  readonly ms: number;
  begin(lab: Lab): Promise<void> | void;
  end(lab: Lab): Promise<void> | void;
}

const drop = (lab: Lab, change: '-I' | '-D'): Promise<unknown> =>
  Promise.all(
    ['--dport', '--sport'].map((side) =>
      lab.onNode('iptables', '-w', change, 'INPUT', '-p', 'tcp', side, String(net.apiPort), '-j', 'DROP'),
    ),
  );

const faults: Record<string, Fault> = {
  'API server killed': { ms: 8000, begin: ({ cluster }) => stopApi(cluster), end: ({ cluster }) => startApi(cluster) },
  'API server frozen': {
    ms: 8000,
    begin: ({ cluster }) => freeze(cluster, 'kube-apiserver'),
    end: ({ cluster }) => unfreeze(cluster, 'kube-apiserver'),
  },
  'packets of the API server dropped': {
    ms: 40_000, // longer than a connection without an answer is believed to live
    begin: async (lab) => void (await drop(lab, '-I')),
    end: async (lab) => void (await drop(lab, '-D')),
  },
};

/** A Pod with one container that dies during the fault. In a namespace of its own: of the others everything starts once. */
async function mortal(t: TestContext): Promise<{ die(): Promise<void> } & AsyncDisposable> {
  const elsewhere = { ...t, namespace: 'default' };
  const made = await create(elsewhere, restingPod(elsewhere, t.namespace, { terminationGracePeriodSeconds: 1 }));
  const labelSelector = { 'io.kubernetes.pod.uid': made.metadata?.uid ?? '' };
  const living = async () =>
    (await t.lab.cri.listContainers({ labelSelector })).filter((c) => c.state === 'CONTAINER_RUNNING').map((c) => c.id);
  return {
    async die() {
      const [first] = await living();
      assert.ok(first, 'the Pod that is to lose its container runs one');
      await t.lab.cri.stopContainer(first, 0);
      const again = async () => (await living()).some((id) => id !== first);
      await waitFor('a dead container to be restarted without the API server', { timeout: patience }, again);
    },
    [Symbol.asyncDispose]: () => removeAndWait(elsewhere, made),
  };
}

async function during(t: TestContext, fault: Fault): Promise<void> {
  const churn = new Churn(t);
  await churn.all();
  await using one = await mortal(t);
  await untilReady({ ...t, namespace: 'default' }, t.namespace);
  await churn.settle();
  for (let n = 0; n < 4; n++) await churn.step(16); // under way when the fault begins
  await fault.begin(t.lab);
  try {
    await Promise.all([delay(t.full ? Math.max(fault.ms, 45_000) : fault.ms), one.die()]);
  } finally {
    await fault.end(t.lab);
  }
  const back = performance.now();
  await waitFor('the API server to answer', { timeout: patience }, () =>
    apiRequest(t.lab.cluster, '/readyz').then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  await churn.step(16);
  await churn.settle();
  t.note(`settled ${((performance.now() - back) / 1000).toFixed(1)} s after it`);
  await waitForNodeReady(t.lab.cluster, patience);
  await untilAgreed(t);
  await assertStartedOnce(t);
}

/** Ids of the running containers of the test's Pods, as the runtime has them. */
async function running(t: TestContext): Promise<string[]> {
  const all = await t.lab.cri.listContainers({ labelSelector: { 'io.kubernetes.pod.namespace': t.namespace } });
  return all
    .filter((c) => c.state === 'CONTAINER_RUNNING')
    .map((c) => c.id)
    .sort();
}

/** kubelet-ts starts while the API server is down: what runs goes on, static Pods can come, nothing is ended. */
async function startWithoutApi(t: TestContext): Promise<void> {
  const names = [1, 2, 3, 4, 5];
  const spec = onceSpec(t, { containers: [once('main')] });
  try {
    for (const n of names) writeManifest(t, `s${n}`, staticPod(t, `s${n}`, spec));
    for (const n of names) await create(t, pod(t, `a${n}`, spec));
    for (const n of names) await Promise.all([untilReady(t, `a${n}`), untilReady(t, mirrorName(t, `s${n}`))]);
    const before = await running(t);
    assert.equal(before.length, 10);
    const seen = Unnoticed.of(
      t,
      names.flatMap((n) => [`a${n}`, mirrorName(t, `s${n}`)]),
    );
    await stopApi(t.lab.cluster);
    try {
      await stopKubelet(t.lab.cluster, 'SIGKILL');
      await t.lab.startAgent();
      // A static Pod that comes now shows that the agent is past its start.
      writeManifest(t, 'new', staticPod(t, 'new', spec));
      await waitFor('a new static Pod to run', { timeout: patience }, async () => (await running(t)).length === 11);
      const now = await running(t);
      assert.deepEqual(
        before.filter((id) => !now.includes(id)),
        [],
        'containers that were ended',
      );
    } finally {
      await startApi(t.lab.cluster);
    }
    await untilReady(t, mirrorName(t, 'new'));
    for (const n of names)
      assert.ok(
        before.some((id) => container(t.lab.pods.get(t.namespace, `a${n}`), 'main')?.containerID?.endsWith(id)),
      );
    await waitForNodeReady(t.lab.cluster, patience);
    await untilAgreed(t);
    await t.lab.untilLookedAt(t.lab.pods.all(t.namespace));
    await seen.assert('a start without the API server');
    await assertStartedOnce(t);
  } finally {
    for (const n of names) removeManifest(t, `s${n}`);
    removeManifest(t, 'new');
  }
}

/** A control plane's own manifest is edited like this: the API server that would delete the old mirror is the Pod that ended. */
async function editedWithoutApi(t: TestContext): Promise<void> {
  const mirror = mirrorName(t, 'edited');
  try {
    writeManifest(t, 'edited', staticPod(t, 'edited'));
    await untilReady(t, mirror);
    const [before] = await running(t);
    await stopApi(t.lab.cluster);
    try {
      writeManifest(t, 'edited', staticPod(t, 'edited', { containers: [shell('main', `echo edited; ${rest}`)] }));
      const changed = async () => (await running(t)).some((id) => id !== before);
      await waitFor('the edited static Pod to run without the API server', { timeout: patience }, changed);
    } finally {
      await startApi(t.lab.cluster);
    }
    const now = (await running(t)).find((id) => id !== before);
    await untilPod(t, mirror, 'to be the edited Pod', (p) => container(p, 'main')?.containerID?.endsWith(now ?? '?'));
  } finally {
    removeManifest(t, 'edited');
  }
  await t.lab.pods.until('the mirror to go', () => !t.lab.pods.get(t.namespace, mirror));
  await waitForNodeReady(t.lab.cluster, patience);
}

export const apiAway = group('faults', [
  ...Object.entries(faults).map(([name, fault]) => test(name, (t) => during(t, fault), { mode: 'alone' })),
  test('a start while the API server is down touches nothing', startWithoutApi, { mode: 'alone' }),
  test('a static Pod that is edited while the API server is down runs as edited', editedWithoutApi, { mode: 'alone' }),
]);
