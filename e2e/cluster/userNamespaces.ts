// Pods with hostUsers: false (KEP-127): root inside, nobody outside.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { Node, Pod, PodSpec } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { nodeUid, untilNothingLeft } from '../lib/leftovers.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { container, create, pod, removeAndWait, rest, shell, untilPhase, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

interface Row {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}

const podDir = (t: TestContext, uid: string) => path.join(t.lab.cluster.layout.kubeletRoot, 'pods', uid);
const fileOf = (t: TestContext, uid: string) => path.join(podDir(t, uid), 'userns');

/** The Pod's ids, as its file on the node has them. */
function idsOf(t: TestContext, of: Pod): Row {
  const { uidMappings, gidMappings } = JSON.parse(readFileSync(fileOf(t, of.metadata?.uid ?? ''), 'utf8'));
  assert.deepEqual(gidMappings, uidMappings);
  assert.equal(uidMappings.length, 1);
  const [row] = uidMappings;
  assert.deepEqual([row.containerId, row.length, row.hostId % 65536], [0, 65536, 0]);
  assert.ok(row.hostId >= 65536, `ids from ${row.hostId} on are the node's own`);
  return row;
}

/** Every volume that the kubelet fills, and what a container is given besides, with the owner that the container sees. */
const LOOK = [
  'cat /proc/self/uid_map > /shared/map',
  'for f in /config/a /secret/b /api/labels /token/token /etc/hosts /etc/resolv.conf /dev/termination-log /shared /memory; do',
  '  stat -L -c "%n %u:%g" $f; done > /shared/owners',
  'cat /secret/b > /shared/secret && echo ended > /dev/termination-log && echo mine > /memory/file',
  'touch /shared/done',
].join('\n');

function volumesOf(t: TestContext): Partial<PodSpec> {
  return {
    volumes: [
      { name: 'shared', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'config', configMap: { name: t.namespace } },
      { name: 'secret', secret: { secretName: t.namespace, defaultMode: 0o400 } },
      {
        name: 'api',
        downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] },
      },
      { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
    ],
  };
}

const MOUNTS = ['shared', 'memory', 'config', 'secret', 'api', 'token'].map((name) => ({
  name,
  mountPath: `/${name}`,
}));

async function rootIsNobody(t: TestContext): Promise<void> {
  const metadata = { name: t.namespace, namespace: t.namespace };
  const core = `/api/v1/namespaces/${t.namespace}`;
  await t.lab.api.create(`${core}/configmaps`, { metadata, data: { a: '1' } });
  await t.lab.api.create(`${core}/secrets`, { metadata, stringData: { b: 'hidden' } });
  const main = shell('main', `${LOOK}\n${rest}`, { volumeMounts: MOUNTS });
  const spec = { hostUsers: false, automountServiceAccountToken: false, ...volumesOf(t), containers: [main] };
  const made = await create(t, pod(t, 'web', spec, { labels: { l: 'x' } }));
  const up = await untilReady(t, 'web');
  const uid = up.metadata?.uid ?? '';
  const { hostId } = idsOf(t, up);
  const shared = path.join(podDir(t, uid), 'volumes/kubernetes.io~empty-dir/shared');
  await t.lab.pods.until('the container to have looked', () => existsSync(path.join(shared, 'done')));
  const read = (name: string) => readFileSync(path.join(shared, name), 'utf8');
  assert.deepEqual(read('map').trim().split(/\s+/).map(Number), [0, hostId, 65536], 'the map of its processes');
  // Every file is root's inside, as without a user namespace: mounts carry the ids.
  for (const line of read('owners').trim().split('\n')) assert.match(line, / 0:0$/);
  assert.equal(read('owners').trim().split('\n').length, 9);
  assert.equal(read('secret'), 'hidden');
  const { uid: owner, gid } = statSync(path.join(shared, 'map'));
  assert.deepEqual([owner, gid], [0, 0], 'what its root writes into a volume is root’s on the disk');
  await removeAndWait(t, made);
  assert.equal(existsSync(fileOf(t, uid)), false);
}

async function ofTwoPods(t: TestContext): Promise<void> {
  const names = ['a', 'b'];
  for (const name of names) await create(t, pod(t, name, { hostUsers: false, containers: [shell('main', rest)] }));
  const [a, b] = await Promise.all(names.map((name) => untilReady(t, name)));
  assert.notEqual(idsOf(t, a!).hostId, idsOf(t, b!).hostId);
  const job = { hostUsers: false, restartPolicy: 'Never', containers: [shell('main', 'true')] } as const;
  const done = await create(t, pod(t, 'done', job));
  await untilPhase(t, 'done', 'Succeeded');
  await t.lab.pods.until('the ids to be free', () => !existsSync(fileOf(t, done.metadata?.uid ?? '')));
}

/** KEP-4265: only a Pod with a user namespace may see all of /proc. */
async function unmasked(t: TestContext): Promise<void> {
  const script = `grep -c ' /proc/' /proc/self/mountinfo > /out/$NAME; touch /out/$NAME.done; ${rest}`;
  const looks = (name: string, more: object) =>
    shell(name, script, {
      env: [{ name: 'NAME', value: name }],
      volumeMounts: [{ name: 'out', mountPath: '/out' }],
      ...more,
    });
  const containers = [looks('masked', {}), looks('unmasked', { securityContext: { procMount: 'Unmasked' } })];
  await create(t, pod(t, 'proc', { hostUsers: false, containers, volumes: [{ name: 'out', emptyDir: {} }] }));
  const up = await untilReady(t, 'proc');
  const out = path.join(podDir(t, up.metadata?.uid ?? ''), 'volumes/kubernetes.io~empty-dir/out');
  for (const name of ['masked', 'unmasked'])
    await t.lab.pods.until(`${name} to have looked`, () => existsSync(path.join(out, `${name}.done`)));
  const masks = (name: string) => Number(readFileSync(path.join(out, name), 'utf8'));
  assert.ok(masks('masked') > 5, `${masks('masked')} places of /proc are masked`);
  assert.equal(masks('unmasked'), 0);
}

/** A static Pod gets ids as others do; the Node and the metrics tell of user namespaces. */
async function ofStaticPod(t: TestContext): Promise<void> {
  const mirror = mirrorName(t, 'static');
  try {
    writeManifest(t, 'static', staticPod(t, 'static', { hostUsers: false, containers: [shell('main', rest)] }));
    const uid = nodeUid(await untilReady(t, mirror));
    assert.ok(existsSync(fileOf(t, uid)));
    const node = await t.lab.api.get<Node>(`/api/v1/nodes/${t.lab.node}`);
    assert.ok(node.status?.runtimeHandlers?.some((handler) => handler.features?.userNamespaces === true));
    const metrics = await t.lab.kubectl('get', '--raw', `/api/v1/nodes/${t.lab.node}/proxy/metrics`);
    assert.match(metrics.stdout, /^kubelet_started_user_namespaced_pods_total [1-9]/m);
    assert.match(metrics.stdout, /^kubelet_started_user_namespaced_pods_errors_total \d/m);
    removeManifest(t, 'static');
    await untilNothingLeft(t.lab, uid, 90_000);
  } finally {
    removeManifest(t, 'static');
  }
}

async function takeOver(t: TestContext, kind: 'go' | 'ts', names: readonly string[]): Promise<void> {
  await untilOldEnough(t, names);
  const seen = Unnoticed.of(t, names);
  await stopKubelet(t.lab.cluster, kind === 'ts' ? 'SIGKILL' : 'SIGTERM');
  if (kind === 'go') await startKubelet(t.lab.cluster, 'go');
  else await t.lab.startAgent();
  await waitForNodeReady(t.lab.cluster, patience);
  // A Pod of its own shows that it has looked at everything, and gives no ids a second time.
  const probe = await create(t, pod(t, `probe-${kind}`, { hostUsers: false, containers: [shell('main', rest)] }));
  const { hostId } = idsOf(t, await untilReady(t, `probe-${kind}`));
  for (const name of names) assert.notEqual(idsOf(t, t.lab.pods.get(t.namespace, name)!).hostId, hostId);
  await removeAndWait(t, probe);
  if (kind === 'ts') await t.lab.untilLookedAt(seen.pods);
  await seen.assert(`a start of ${kind}`);
}

async function overKubelets(t: TestContext): Promise<void> {
  try {
    const names = ['here', 'there'];
    for (const name of names) await create(t, pod(t, name, { hostUsers: false, containers: [shell('main', rest)] }));
    const before = await Promise.all(names.map((name) => untilReady(t, name)));
    const ids = before.map((one) => idsOf(t, one));
    for (const kind of ['ts', 'go', 'ts'] as const) {
      await takeOver(t, kind, names);
      assert.deepEqual(
        before.map((one) => idsOf(t, one)),
        ids,
        `the ids under ${kind}`,
      );
    }
    for (const [at, name] of names.entries()) {
      const now = t.lab.pods.get(t.namespace, name);
      assert.equal(container(now, 'main')?.containerID, container(before[at], 'main')?.containerID);
    }
  } finally {
    if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
  }
}

/** Pods with user namespaces of their own. */
export const userNamespaces = group('user namespaces', [
  test('user namespaces: root inside is nobody outside, and its volumes are its own', rootIsNobody),
  test('user namespaces: no two Pods have the same ids, and who has ended has none', ofTwoPods),
  test('user namespaces: procMount Unmasked shows all of /proc', unmasked),
  test('user namespaces: a static Pod, the Node, metrics', ofStaticPod),
  test('user namespaces: over a kill and the Go kubelet', overKubelets, { mode: 'alone' }),
]);
