// CSI: a driver that really mounts, registered by its socket; inline volumes, claims, restarts, and a driver that goes away.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../../hack/lib/wait.ts';
import type { CSINode, Node, PersistentVolumeClaim, Pod, VolumeAttachment } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { attacher, CsiDriverProcess, csiDriverObject } from '../lib/csiDriver.ts';
import { expectWait } from '../lib/expectWait.ts';
import { nodeMounts } from '../lib/leftovers.ts';
import { create, pod, remove, removeAndWait, rest, shell, untilGone, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { many, told } from './csiClaims.ts';

const storage = '/apis/storage.k8s.io/v1';
const nodeUrl = (t: TestContext) => `/api/v1/nodes/${t.lab.node}`;

async function until(what: string, condition: () => unknown): Promise<void> {
  await waitFor(what, { timeout: patience, interval: 50 }, condition as () => Promise<boolean>);
}

/** An empty list comes back as null from the API server. */
const driverOf = async (t: TestContext, name: string) =>
  (await t.lab.api.get<CSINode>(`${storage}/csinodes/${t.lab.node}`)).spec.drivers?.find((d) => d.name === name);

/** What a container writes to its volume and then rests. */
const writer = (text: string) =>
  shell('main', `echo ${text} >> /data/log; ${rest}`, { volumeMounts: [{ name: 'data', mountPath: '/data' }] });

async function registration(t: TestContext): Promise<void> {
  const name = `reg.${t.namespace}.example`;
  await using driver = await new CsiDriverProcess(t, name).start();
  assert.deepEqual(await driverOf(t, name), {
    name,
    nodeID: 'the-node',
    topologyKeys: [`${name}/zone`],
    allocatable: { count: 7 },
  });
  const csiNode = await t.lab.api.get<CSINode>(`${storage}/csinodes/${t.lab.node}`);
  const node = await t.lab.api.get<Node>(nodeUrl(t));
  assert.equal(csiNode.metadata?.ownerReferences?.[0]?.uid, node.metadata?.uid);
  assert.equal(node.metadata?.labels?.[`${name}/zone`], 'here');
  assert.equal(JSON.parse(node.metadata?.annotations?.['csi.volume.kubernetes.io/nodeid'] ?? '{}')[name], 'the-node');
  await driver.leave();
  await until('the driver to be taken out of the CSINode', async () => !(await driverOf(t, name)));
}

async function inline(t: TestContext): Promise<void> {
  const name = `inline.${t.namespace}.example`;
  await using _object = await csiDriverObject(t, name, {
    attachRequired: false,
    podInfoOnMount: true,
    volumeLifecycleModes: ['Ephemeral'],
    tokenRequests: [{ audience: 'vault' }],
    requiresRepublish: true,
  });
  const volumes = [{ name: 'data', csi: { driver: name, volumeAttributes: { flavour: 'mint' } } }];
  const made = await create(t, pod(t, 'inline', { volumes, containers: [writer('hello')] }));
  await expectWait(
    t,
    'inline',
    'VolumeFailed',
    /driver name inline\..*\.example not found in the list of registered CSI drivers/,
  );
  await using driver = await new CsiDriverProcess(t, name).start();
  const start = performance.now();
  await untilReady(t, 'inline');
  t.note(`Ready ${Math.round(performance.now() - start)} ms after its driver registered`);
  const [call] = driver.of('NodePublishVolume');
  const context = call?.request.volumeContext as Record<string, string>;
  assert.equal(context.flavour, 'mint');
  assert.equal(context['csi.storage.k8s.io/pod.name'], 'inline');
  assert.equal(context['csi.storage.k8s.io/ephemeral'], 'true');
  assert.ok(JSON.parse(context['csi.storage.k8s.io/serviceAccount.tokens'] ?? '{}').vault.token);
  const volumeId = String(call?.request.volumeId);
  await until('the file to be in the volume', () => existsSync(path.join(driver.dataOf(volumeId), 'log')));
  await remove(t, 'inline');
  await untilGone(t, made);
  // What the driver writes may be read after what the API server says.
  await driver.until('to be asked to unpublish', () => driver.count('NodeUnpublishVolume') === 1);
  assert.deepEqual(mountsOf(t, made), []);
}

function mountsOf(t: TestContext, of: Pod): string[] {
  return nodeMounts(t.lab).filter((line) => line.includes(of.metadata?.uid ?? '?'));
}

/** A volume of the driver with its claim, bound to each other. */
async function claim(t: TestContext, driver: string, name: string): Promise<AsyncDisposable> {
  const pv = `${t.namespace}-${name}`;
  const common = { accessModes: ['ReadWriteOnce'], storageClassName: '' };
  await t.lab.api.create('/api/v1/persistentvolumes', {
    metadata: { name: pv },
    spec: {
      ...common,
      capacity: { storage: '1Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace: t.namespace, name },
      csi: { driver, volumeHandle: name, fsType: 'ext4' },
    },
  });
  const resources = { requests: { storage: '1Gi' } };
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/persistentvolumeclaims`, {
    metadata: { name },
    spec: { ...common, resources, volumeName: pv },
  });
  const url = `/api/v1/namespaces/${t.namespace}/persistentvolumeclaims/${name}`;
  await until('the claim to be bound', async () => {
    const { status } = await t.lab.api.get<PersistentVolumeClaim>(url);
    return status?.phase === 'Bound';
  });
  return {
    async [Symbol.asyncDispose]() {
      await t.lab.api.remove(url);
      await t.lab.api.remove(`/api/v1/persistentvolumes/${pv}`);
    },
  };
}

const claimed = (t: TestContext, name: string, text: string) =>
  pod(t, name, {
    securityContext: { fsGroup: 4321 },
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'disk' } }],
    containers: [writer(text)],
  });

const inUse = async (t: TestContext) => (await t.lab.api.get<Node>(nodeUrl(t))).status?.volumesInUse ?? [];
const attachments = async (t: TestContext, driver: string) =>
  (await t.lab.api.list<VolumeAttachment>(`${storage}/volumeattachments`)).filter((a) => a.spec.attacher === driver);

async function persistent(t: TestContext): Promise<void> {
  const name = `disk.${t.namespace}.example`;
  await using driver = await new CsiDriverProcess(t, name).start();
  await using _claim = await claim(t, name, 'disk');
  const first = await create(t, claimed(t, 'first', 'one'));
  await expectWait(
    t,
    'first',
    'MountingVolume',
    /not attached according to node status|status that says the volume is in use/,
  );
  assert.equal(driver.count('NodeStageVolume'), 0);
  await using _attacher = attacher(t, name);
  await untilReady(t, 'first');
  assert.deepEqual(await inUse(t), [`kubernetes.io/csi/${name}^disk`]);
  const [stage] = driver.of('NodeStageVolume');
  const told = (stage?.request.publishContext ?? {}) as Record<string, string>;
  assert.ok(told.device, 'the attacher’s word reaches the driver');
  const log = path.join(driver.dataOf('disk'), 'log');
  await until('the first line to be in the volume', () => existsSync(log) && readFileSync(log, 'utf8') === 'one\n');
  await removeAndWait(t, first);
  await until('the volume to be unstaged', () => driver.count('NodeUnstageVolume') === 1);
  await until('nothing to be in use', async () => (await inUse(t)).length === 0);
  await until('the volume to be detached', async () => (await attachments(t, name)).length === 0);
  const second = await create(t, claimed(t, 'second', 'two'));
  await untilReady(t, 'second');
  await until('the second line', () => readFileSync(log, 'utf8') === 'one\ntwo\n');
  await driver.kill();
  await remove(t, 'second');
  await expectWait(t, 'second', 'Unmounting', /Unmounter\.TearDownAt failed/);
  await driver.start();
  await untilGone(t, second);
  await until('the volume to be unstaged again', () => driver.count('NodeUnstageVolume') === 2);
  assert.deepEqual(mountsOf(t, second), []);
  const staged = path.join(t.lab.cluster.layout.kubeletRoot, 'plugins/kubernetes.io/csi', name);
  await until('nothing to be staged', () => !existsSync(staged) || readdirSync(staged).length === 0);
}

async function restarted(t: TestContext): Promise<void> {
  const name = `kept.${t.namespace}.example`;
  await using driver = await new CsiDriverProcess(t, name).start();
  await using _claim = await claim(t, name, 'disk');
  await using _attacher = attacher(t, name);
  const kept = await create(t, claimed(t, 'kept', 'one'));
  await untilReady(t, 'kept');
  const warnings = () =>
    t.lab.events
      .all()
      .filter((e) => e.involvedObject?.uid === kept.metadata?.uid && e.type === 'Warning')
      .map(({ reason, message, count }) => `${reason}: ${message} (${count})`);
  const before = warnings();
  const registrations = driver.count('Notify');
  await t.lab.restartAgent();
  await driver.until('to be registered again', () => driver.count('Notify') > registrations);
  await until('the volume to be looked at again', () => driver.count('NodePublishVolume') >= 2);
  assert.equal(driver.count('NodeUnpublishVolume') + driver.count('NodeUnstageVolume'), 0);
  assert.deepEqual(warnings(), before);
  await removeAndWait(t, kept);
  await until('the volume to be unstaged', () => driver.count('NodeUnstageVolume') === 1);
  await until('the volume to be detached', async () => (await attachments(t, name)).length === 0);
}

async function hangs(t: TestContext): Promise<void> {
  const name = `slow.${t.namespace}.example`;
  await using _object = await csiDriverObject(t, name, { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] });
  await using driver = await new CsiDriverProcess(t, name).start();
  await driver.tell('hang NodePublishVolume');
  const volumes = [{ name: 'data', csi: { driver: name } }];
  const held = await create(t, pod(t, 'held', { volumes, containers: [writer('x')] }));
  await driver.until('to be asked', () => driver.count('NodePublishVolume') === 1);
  const free = await create(t, pod(t, 'free', { containers: [shell('main', rest)] }));
  await untilReady(t, 'free');
  await expectWait(t, 'held', 'MountingVolume', /data/);
  await removeAndWait(t, free);
  await remove(t, 'held');
  await driver.kill();
  await driver.start();
  await untilGone(t, held);
  assert.deepEqual(mountsOf(t, held), []);
}

export const csi = group('csi', [
  test('a driver registers and leaves: CSINode, annotation, topology', registration),
  test('an inline volume waits for its driver, with Pod info and tokens', inline),
  test('a claim: attached, staged, published, its data kept, and a driver that goes away in the middle', persistent, {
    weight: 3,
  }),
  test('a Pod waits for an attachment, until the cluster says that its driver attaches nothing', told),
  test('many claims in one Pod: each is published once, and nothing is left', many, { weight: 3 }),
  test('a driver that hangs holds its own Pod', hangs),
  test('a restart is not seen at a Pod with a CSI volume', restarted, { mode: 'alone' }),
]);
