import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakePod, fakeWorld } from './fake/fakeNode.ts';
import type { ActionKind } from './rules/actions.ts';

/**
 * kill -9 at every action: before it was sent, while the runtime carries it out, and after it was done but before the
 * kubelet heard of it. Whatever the point, the next life must end where an undisturbed one does: each container started
 * once, nothing lost, nothing twice, and after the deletion nothing left.
 */
const starting: readonly ActionKind[] = [
  'reserve',
  'preparePod',
  'createSandbox',
  'ensureImage',
  'mountVolume',
  'createContainer',
  'startContainer',
  'postStart',
];
const ending: readonly ActionKind[] = [
  'preStop',
  'stopContainer',
  'stopSandbox',
  'unmountVolumes',
  'removeCgroup',
  'release',
  'deleteApiPod',
  'removeContainer',
  'removeSandbox',
  'removePodFiles',
  'saveCheckpoint',
];
const points = ['before', 'during', 'after'] as const;

/** CRI methods behind an action, for a crash while the runtime is at it. */
const methods: Partial<Record<ActionKind, string>> = {
  createSandbox: 'RunPodSandbox',
  ensureImage: 'ImageStatus',
  createContainer: 'CreateContainer',
  startContainer: 'StartContainer',
  stopContainer: 'StopContainer',
  stopSandbox: 'StopPodSandbox',
  removeContainer: 'RemoveContainer',
  removeSandbox: 'RemovePodSandbox',
};

const uid = 'uid-web';
let world: FakeWorld;
let node: FakeNode;
beforeEach(async () => {
  world = await fakeWorld();
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
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  };
  return fakePod('web', {
    volumes: [{ name: 'data', emptyDir: {} }],
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
function crashAt(kind: ActionKind, point: (typeof points)[number]): Promise<void> {
  return new Promise((resolve) => {
    let armed = true;
    const crash = () => {
      armed = false;
      node.crash();
      resolve();
    };
    node.beforeEffect = (_uid, action) => {
      if (!armed || action.kind !== kind) return;
      if (point === 'before') crash();
      const method = methods[kind];
      if (point === 'during' && method) {
        armed = false;
        world.cri.faults.inject(method, { kind: 'delay', ms: 30 });
        setTimeout(crash, 10);
      }
    };
    node.afterEffect = (_uid, action) => {
      if (armed && action.kind === kind && point !== 'before') crash();
    };
  });
}

async function nextLife(): Promise<void> {
  node = await new FakeNode(world).start();
}

async function expectWhole(): Promise<void> {
  await until(ready);
  await until(() => node.workers.get(uid)?.last?.decision.reasons.length === 0);
  expect(started()).toEqual({ a: 1, b: 1 });
  expect([...world.cri.world.sandboxes.values()].filter((s) => s.ready)).toHaveLength(1);
}

async function expectNothing(): Promise<void> {
  await until(() => !world.pods.has(uid) && node.workers.get(uid) === undefined);
  expect(world.cri.world.containers.size).toBe(0);
  expect(world.cri.world.sandboxes.size).toBe(0);
}

describe.each(starting)('killed at %s', (kind) => {
  test.each(points)('%s it', async (point) => {
    node = await new FakeNode(world).start();
    const crashed = crashAt(kind, point);
    node.setPod(pod());
    await crashed;
    await nextLife();
    await expectWhole();
    node.deletePod(uid, 1);
    await expectNothing();
  });
});

describe.each(ending)('killed at %s', (kind) => {
  test.each(points)('%s it', async (point) => {
    node = await new FakeNode(world).start();
    node.setPod(pod());
    await expectWhole();
    const crashed = crashAt(kind, point);
    node.deletePod(uid, 1);
    await crashed;
    await nextLife();
    if (!world.pods.has(uid)) node.workers.sourcesSynced();
    await expectNothing();
    expect(world.deleted.filter((u) => u === uid).length).toBeGreaterThanOrEqual(1);
  });
});
