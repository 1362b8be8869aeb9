import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { disposable } from '../lib/disposables.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { removeLogDirectories } from '../node/logGc.ts';
import { createVolumeManager } from '../volumes/manager.ts';
import { FileCheckpoints } from './checkpointStore.ts';
import { FakeNode, type FakeObject, type FakeWorld, fakeWorld } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import type { ActionKind } from './rules/actions.ts';

/**
 * kill -9 at every action: before it was sent, while it is carried out where that takes more than one step, and after it was
 * done but before the kubelet heard of it. Whatever the point, the next life must end where an undisturbed one does: each
 * container started once, nothing lost, nothing twice, and after the deletion nothing left.
 *
 * Each action is met in one part of the life of the Pod below; an action of static Pods, of Pods with devices (devicePods.test.ts) or with
 * claims (claimPods.test.ts), or of nodes that divide their CPUs, in none.
 */
const parts: Readonly<Record<ActionKind, 'start' | 'end' | 'static' | 'devices' | 'claims' | 'cpus'>> = {
  reserve: 'start',
  preparePod: 'start',
  createSandbox: 'start',
  ensureImage: 'start',
  mountVolume: 'start',
  createContainer: 'start',
  startContainer: 'start',
  postStart: 'start',
  preStop: 'end',
  stopContainer: 'end',
  stopSandbox: 'end',
  unmountVolumes: 'end',
  removeCgroup: 'end',
  release: 'end',
  deleteApiPod: 'end',
  removeContainer: 'end',
  removeSandbox: 'end',
  removePodFiles: 'end',
  saveCheckpoint: 'end',
  syncMirror: 'static',
  allocateDevices: 'devices',
  prepareClaims: 'claims',
  unprepareClaims: 'claims',
  updateCpus: 'cpus',
  // Of Pods that are resized: resize.test.ts.
  allocate: 'static',
  resizePod: 'static',
};
const kinds = Object.keys(parts) as ActionKind[];

/** Where an action is cut off in the middle: in a call to the runtime, to the kernel's mounts, or in a hook. */
const halfway: Partial<Record<ActionKind, { cri: string } | { mounter: string } | { hook: string }>> = {
  createSandbox: { cri: 'RunPodSandbox' },
  ensureImage: { cri: 'ImageStatus' },
  mountVolume: { mounter: 'mount tmpfs' },
  createContainer: { cri: 'CreateContainer' },
  startContainer: { cri: 'StartContainer' },
  postStart: { hook: 'postStart' },
  preStop: { hook: 'preStop' },
  stopContainer: { cri: 'StopContainer' },
  stopSandbox: { cri: 'StopPodSandbox' },
  unmountVolumes: { mounter: 'unmount' },
  removeContainer: { cri: 'RemoveContainer' },
  removeSandbox: { cri: 'RemovePodSandbox' },
};

type Point = 'before' | 'during' | 'after';
const rows = (part: 'start' | 'end') =>
  kinds
    .filter((kind) => parts[kind] === part)
    .flatMap((kind) => {
      const points: Point[] = halfway[kind] ? ['before', 'during', 'after'] : ['before', 'after'];
      return points.map((point): [Point, ActionKind] => [point, kind]);
    });

const disk = () => join(world.root, 'disk');
const uid = 'uid-web';
let world: FakeWorld;
let node: FakeNode;
beforeEach(async () => {
  world = await fakeWorld();
  // A disk of the node that outlasts the Pod: bound in and out of it, and never emptied.
  await mkdir(disk());
  await writeFile(join(disk(), 'file'), 'data');
  const metadata = (name: string) => ({ name, uid: `uid-${name}`, namespace: 'default', resourceVersion: '1' });
  world.objects.set('PersistentVolumeClaim default/claim', {
    metadata: metadata('claim'),
    spec: { volumeName: 'pv' },
    status: { phase: 'Bound' },
  } as FakeObject);
  world.objects.set('PersistentVolume /pv', {
    metadata: metadata('pv'),
    spec: { claimRef: { uid: 'uid-claim' }, local: { path: disk() } },
  } as FakeObject);
});
afterEach(async () => {
  node[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const pod = () => {
  const lifecycle = { postStart: { exec: { command: ['true'] } }, preStop: { exec: { command: ['true'] } } };
  const common = {
    image: 'busybox',
    imagePullPolicy: 'IfNotPresent',
    volumeMounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'memory', mountPath: '/memory' },
      { name: 'disk', mountPath: '/disk' },
    ],
  };
  return fakePod('web', {
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory' } },
      { name: 'disk', persistentVolumeClaim: { claimName: 'claim' } },
    ],
    containers: [
      { name: 'a', ...common, lifecycle },
      { name: 'b', ...common },
    ],
  });
};
const ready = () => world.accepted.get(uid)?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
/** Starts that the runtime really carried out, by container name. */
const started = () => {
  const counts: Record<string, number> = {};
  for (const c of world.cri.world.containers.values()) {
    const name = c.config.metadata!.name!;
    if (c.startedAt) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

/** Arranges one crash at the first action of that kind; resolves when it has happened. */
function crashAt(kind: ActionKind, point: Point): Promise<void> {
  return new Promise((resolve) => {
    let armed = true;
    const crash = () => {
      armed = false;
      node.crash();
      resolve();
    };
    /** For what this process would go on with: it must never come back from there. */
    const die = (call: string, wanted: string): Promise<void> => {
      if (!armed || !call.startsWith(wanted)) return Promise.resolve();
      crash();
      return new Promise(() => {});
    };
    const half = point === 'during' ? halfway[kind] : undefined;
    node.beforeEffect = (_uid, action) => {
      if (!armed || action.kind !== kind) return;
      if (point === 'before') crash();
      if (half && 'mounter' in half) world.mounter.before = (call) => die(call, half.mounter);
      if (half && 'hook' in half) world.hook = (call) => die(call, half.hook);
      if (half && 'cri' in half) {
        armed = false;
        world.cri.faults.inject(half.cri, { kind: 'delay', ms: 30 });
        setTimeout(crash, 10);
      }
    };
    node.afterEffect = (_uid, action) => {
      if (armed && action.kind === kind && point === 'after') crash();
    };
  });
}

async function nextLife(): Promise<void> {
  // A process that was killed writes no more; what this one had begun must not end in the next life.
  await until(async () => !(await filesBelow(world.root)).some((name) => name.endsWith('.tmp')));
  node = await new FakeNode(world).start();
}

async function expectWhole(): Promise<void> {
  await until(ready);
  await until(() => node.workers.get(uid)?.last?.decision.reasons.length === 0);
  expect(started()).toEqual({ a: 1, b: 1 });
  expect([...world.cri.world.sandboxes.values()].filter((s) => s.ready)).toHaveLength(1);
}

/** Every file below a directory. */
async function filesBelow(directory: string): Promise<string[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((f) => !f.isDirectory()).map((f) => f.name);
}

/** What housekeeping does for a Pod that neither the API nor the runtime nor a worker knows any more. */
async function housekeeping(): Promise<void> {
  const signal = AbortSignal.timeout(10_000);
  await createVolumeManager({ root: world.root, mounter: world.mounter, persistent: node.persistent }).unmountAll(
    uid,
    signal,
  );
  await rm(join(world.root, 'pods', uid), { recursive: true, force: true });
  await removeLogDirectories(join(world.root, 'logs'), () => disposable(() => {}), silentLogger, signal).catch(
    () => {},
  );
  await new FileCheckpoints(join(world.root, 'checkpoints')).remove(uid);
}

/** `unknown`: the last life deleted the object, so that this one may never have heard of the Pod. */
async function expectNothing(unknown = false): Promise<void> {
  await until(() => !world.pods.has(uid) && node.workers.get(uid) === undefined);
  expect(world.cri.world.containers.size).toBe(0);
  expect(world.cri.world.sandboxes.size).toBe(0);
  if (unknown) await housekeeping();
  expect(await world.mounter.list(world.root)).toEqual([]);
  expect(await readdir(join(world.root, 'pods')).catch(() => [])).toEqual([]);
  expect(await readFile(join(disk(), 'file'), 'utf8')).toBe('data');
  expect(await filesBelow(join(world.root, 'logs'))).toEqual([]);
  expect(await filesBelow(join(world.root, 'checkpoints'))).toEqual([]);
}

/** Which hooks began, without the ids of the containers. */
const hooks = () => world.hooks.map((call) => call.split(' ')[0]).sort();

/** A hook whose beginning is noted may be lost with its kubelet, but none runs twice. */
function expectHooksOnce(): void {
  expect(hooks()).toEqual([...new Set(hooks())]);
}

test('undisturbed', async () => {
  node = await new FakeNode(world).start();
  node.setPod(pod());
  await expectWhole();
  node.deletePod(uid, 1);
  await expectNothing();
  expect(hooks()).toEqual(['postStart', 'preStop']);
  const done = new Set(node.actions.map(({ action }) => action.kind));
  expect([...done].sort()).toEqual(kinds.filter((kind) => parts[kind] === 'start' || parts[kind] === 'end').sort());
});

describe('killed', () => {
  test.each(rows('start'))('%s %s', async (point, kind) => {
    node = await new FakeNode(world).start();
    const crashed = crashAt(kind, point);
    node.setPod(pod());
    await crashed;
    await nextLife();
    await expectWhole();
    node.deletePod(uid, 1);
    await expectNothing();
    expectHooksOnce();
  });

  test.each(rows('end'))('%s %s', async (point, kind) => {
    node = await new FakeNode(world).start();
    node.setPod(pod());
    await expectWhole();
    const crashed = crashAt(kind, point);
    node.deletePod(uid, 1);
    await crashed;
    await nextLife();
    const unknown = !world.pods.has(uid);
    if (unknown) node.workers.sourcesSynced();
    await expectNothing(unknown);
    expectHooksOnce();
    expect(world.deleted.filter((u) => u === uid).length).toBeGreaterThanOrEqual(1);
  });
});
