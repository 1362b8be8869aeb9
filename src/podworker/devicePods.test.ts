import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGIN_WAIT_MS } from '../devices/allocation.ts';
import { FakeDevicePlugin, healthyDevices } from '../devices/fake/fakeDevicePlugin.ts';
import { deviceCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { Random } from '../lib/fake/random.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakeWorld } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';

// Pods with devices over the ends of their kubelet and of their plug-in.

const GPU = 'vendor.example/gpu';
let world: FakeWorld;
let node: FakeNode;
let clock: ManualClock;
let gpu: FakeDevicePlugin;

beforeEach(async () => {
  world = await fakeWorld();
  world.devicePlugins = true;
  await newLife();
  const directory = join(world.root, 'device-plugins');
  gpu = await FakeDevicePlugin.start({ directory, resource: GPU, devices: healthyDevices(['0', '1', '2']) });
  await register();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await node.gone;
  await gpu[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function newLife(): Promise<void> {
  clock = new ManualClock(Date.now());
  node = await new FakeNode(world, clock).start();
}
async function register(): Promise<void> {
  await gpu.register();
  await until(() => node.devices.capacity().allocatable[GPU] === '3');
}
async function kill(): Promise<void> {
  node.crash();
  await node.gone;
}
/** What a plug-in does when it sees its socket vanish. */
async function comeBack(): Promise<void> {
  await gpu.vanish();
  await gpu.serve();
  await register();
}

const main = (name = 'main', more: object = {}) => ({
  name,
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent' as const,
  resources: { limits: { [GPU]: '1' }, requests: { [GPU]: '1' } },
  ...more,
});
const idsOf = (uid: string) =>
  Object.values(node.devices.devicesOf(uid)).flatMap((held) => held.flatMap((one) => one.devices.map(({ id }) => id)));
const running = (name = 'main') => world.cri.containersNamed(name).filter((c) => c.state === 'CONTAINER_RUNNING');
const reasons = (uid: string) => node.table.get(uid)?.reasons.map(({ code }) => code) ?? [];

test.each(['before', 'during', 'after'] as const)(
  'a kubelet that is killed %s the allocation: no device is given twice, and none is lost',
  async (point) => {
    const killed = Promise.withResolvers<void>();
    const die = () => {
      node.crash();
      killed.resolve();
    };
    node.beforeEffect = (_uid, { kind }) => {
      if (kind === 'allocateDevices' && point === 'before') die();
    };
    node.afterEffect = (_uid, { kind }) => {
      if (kind === 'allocateDevices' && point === 'after') die();
    };
    if (point === 'during')
      gpu.allocate = () => {
        die();
        return new Promise(() => {});
      };
    node.setPod(fakePod('web', { containers: [main()] }));
    await killed.promise;
    await node.gone;
    gpu.allocate = () => ({});
    await newLife();
    await comeBack();
    if (point === 'after') {
      await until(() => node.isReady('uid-web'));
      expect(running()).toHaveLength(1);
      expect(idsOf('uid-web')).toEqual(['0']);
    } else {
      // Nothing says that it ever had devices: a new Pod whose plug-in is not there, for the Go kubelet as well.
      await until(() => node.status('uid-web')?.phase === 'Failed');
      expect(node.status('uid-web')?.reason).toBe('UnexpectedAdmissionError');
      expect(idsOf('uid-web')).toEqual([]);
    }
    expect(gpu.count('allocate')).toBe(point === 'before' ? 0 : 1);
    node.setPod(fakePod('next', { containers: [main('next')] }));
    await until(() => node.isReady('uid-next'));
    expect(idsOf('uid-next')).toEqual([point === 'after' ? '1' : '0']);
  },
);

test('a restart without the plug-in: a Pod that runs is not asked, and nobody can see it', async () => {
  node.setPod(fakePod('web', { containers: [main()] }));
  await until(() => node.isReady('uid-web'));
  const [container] = running();
  const status = node.status('uid-web');
  const writes = world.statuses.get('uid-web')?.length;
  await kill();
  await gpu.vanish();
  await newLife();
  await until(() => node.table.get('uid-web')?.phase === 'Active' && reasons('uid-web').length === 0);
  clock.advance(10 * 60_000);
  await until(() => node.table.get('uid-web')?.phase === 'Active');
  expect(running().map(({ id }) => id)).toEqual([container!.id]);
  expect(node.status('uid-web')).toEqual(status);
  expect(world.statuses.get('uid-web')?.length).toBe(writes);
  expect(idsOf('uid-web')).toEqual(['0']);
  // Its device is nobody else's when the plug-in is back.
  await gpu.serve();
  await register();
  node.setPod(fakePod('next', { containers: [main('next')] }));
  await until(() => node.isReady('uid-next'));
  expect(idsOf('uid-next')).toEqual(['1']);
  expect(gpu.calls.filter(([method]) => method === 'allocate')).toEqual([
    ['allocate', '0'],
    ['allocate', '1'],
  ]);
});

test('a reboot: the Pod waits for its plug-in with a reason, then has its devices again without asking for others', async () => {
  node.setPod(fakePod('web', { containers: [main()] }));
  await until(() => node.isReady('uid-web'));
  await kill();
  await gpu.vanish();
  const [container] = running();
  world.cri.exitContainer(container!.id, 137);
  await newLife();
  await until(() => reasons('uid-web').includes('AwaitingDevicePlugin'));
  expect(node.table.get('uid-web')?.reasons).toEqual([{ code: 'AwaitingDevicePlugin', resources: [GPU] }]);
  await gpu.serve();
  await register();
  await until(() => {
    clock.advance(1000);
    return running().length === 1 && node.isReady('uid-web');
  });
  expect(gpu.count('allocate')).toBe(1);
  expect(idsOf('uid-web')).toEqual(['0']);
});

test('a reboot whose plug-in does not come ends in kubelet’s rejection', async () => {
  node.setPod(fakePod('web', { containers: [main()] }));
  await until(() => node.isReady('uid-web'));
  await kill();
  await gpu.vanish();
  world.cri.exitContainer(running()[0]!.id, 137);
  await newLife();
  await until(() => reasons('uid-web').includes('AwaitingDevicePlugin'));
  await until(() => {
    clock.advance(PLUGIN_WAIT_MS / 10);
    return node.status('uid-web')?.phase === 'Failed';
  });
  expect(node.status('uid-web')?.reason).toBe('UnexpectedAdmissionError');
  expect(node.status('uid-web')?.message).toBe(
    `Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices ${GPU}, which is unexpected`,
  );
});

test('a container is not made anew without a device of which nobody knows any more; its Pod goes on', async () => {
  node.setPod(fakePod('web', { containers: [main(), main('plain', { resources: {} })] }));
  await until(() => node.isReady('uid-web'));
  await kill();
  await gpu.vanish();
  // As a kubelet leaves it that registered the plug-in and lost who had its devices.
  const lost = { Data: { PodDeviceEntries: null, RegisteredDevices: { [GPU]: ['0'] } } };
  writeFileSync(join(world.root, 'device-plugins/kubelet_internal_checkpoint'), deviceCheckpoint().encode(lost));
  await newLife();
  await until(() => node.table.get('uid-web')?.phase === 'Active');
  world.cri.exitContainer(running()[0]!.id, 1);
  const waiting = () => node.status('uid-web')?.containerStatuses?.find((s) => s.name === 'main')?.state?.waiting;
  await until(() => {
    clock.advance(1000);
    return waiting()?.reason === 'CreateContainerConfigError';
  });
  expect(waiting()?.message).toBe(`no healthy devices present; cannot allocate unhealthy devices ${GPU}`);
  expect(running()).toEqual([]);
  expect(running('plain')).toHaveLength(1);
});

test('random ends of kubelet and plug-in: no device is two Pods’, none is lost, no Pod fails that could wait', async () => {
  const random = new Random(11);
  const names = ['a', 'b', 'c'];
  const set = (name: string) => node.setPod(fakePod(name, { containers: [main(name)] }));
  for (const name of names) set(name);
  const all = () => names.flatMap((name) => idsOf(`uid-${name}`));
  const settled = async () => {
    await until(() => {
      clock.advance(500);
      return names.every((name) => node.isReady(`uid-${name}`) && running(name).length === 1);
    });
    expect(all().sort()).toEqual(['0', '1', '2']);
  };
  await settled();
  for (let round = 0; round < 25; round++) {
    const what = random.int(4);
    if (what === 0) {
      await kill();
      await newLife();
      await comeBack();
    } else if (what === 1) {
      await comeBack();
    } else if (what === 2) {
      await kill();
      await gpu.vanish();
      const name = names[random.int(names.length)]!;
      world.cri.exitContainer(running(name)[0]!.id, 1);
      await newLife();
      await gpu.serve();
      await register();
    } else {
      const name = names[random.int(names.length)]!;
      node.deletePod(`uid-${name}`, 0);
      await until(() => node.table.get(`uid-${name}`) === undefined);
      set(name);
    }
    await settled();
  }
});
