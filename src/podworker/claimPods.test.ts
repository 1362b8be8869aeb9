import { allocatedClaim, FakeDraPlugin } from '../dra/fake/fakeDraPlugin.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakeWorld } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';

// Pods with ResourceClaims over the ends of their kubelet and of their driver.

const DRIVER = 'gpu.example.com';
let world: FakeWorld;
let node: FakeNode;
let clock: ManualClock;
let driver: FakeDraPlugin;

beforeEach(async () => {
  world = await fakeWorld();
  world.objects.set('ResourceClaim default/one', claim(['uid-web']));
  driver = await FakeDraPlugin.start({ directory: world.root, driver: DRIVER });
  await newLife();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await node.gone;
  await driver[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function newLife(registered = true): Promise<void> {
  clock = new ManualClock(Date.now());
  node = await new FakeNode(world, clock).start();
  if (registered) node.draPlugins.register(driver.info);
}
async function kill(): Promise<void> {
  node.crash();
  await node.gone;
}

const claim = (pods: readonly string[]) => allocatedClaim('one', { drivers: [DRIVER], pods });
const claiming = (name: string, more: object = {}) =>
  fakePod(name, {
    resourceClaims: [{ name: 'gpu', resourceClaimName: 'one' }],
    containers: [
      { name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', resources: { claims: [{ name: 'gpu' }] } },
    ],
    ...more,
  });
const running = () => world.cri.containersNamed('main').filter((c) => c.state === 'CONTAINER_RUNNING');
const reasons = (uid = 'uid-web') => node.table.get(uid)?.reasons ?? [];
const methods = () => driver.calls.map(([method]) => method);
const gone = (uid = 'uid-web') => until(() => world.deleted.includes(uid) && !node.table.has(uid));

test('prepared before the sandbox, given back before the end is told', async () => {
  const sandboxes: number[] = [];
  driver.prepare = ({ name }) => {
    sandboxes.push(world.cri.world.sandboxes.size);
    return { devices: [driver.device(name)] };
  };
  const told: unknown[] = [];
  driver.unprepare = () => {
    told.push(world.accepted.get('uid-web')?.phase, running().length);
    return {};
  };
  node.setPod(claiming('web'));
  await until(() => node.isReady('uid-web'));
  expect(sandboxes).toEqual([0]);
  expect(running()[0]?.config.CDIDevices).toEqual([{ name: 'vendor.example/gpu=one' }]);
  node.deletePod('uid-web');
  await gone();
  expect(told).toEqual(['Running', 0]);
  expect(methods()).toEqual(['prepare', 'unprepare']);
});

test('a Pod without claims asks for nothing', async () => {
  node.setPod(fakePod('plain'));
  await until(() => node.isReady('uid-plain'));
  node.deletePod('uid-plain');
  await gone('uid-plain');
  expect(node.actions.filter(({ action }) => action.slot === 'claims')).toEqual([]);
});

const points = ['before', 'during', 'after'] as const;
test.each(points)('a kubelet that is killed %s the preparation', async (point) => {
  const killed = Promise.withResolvers<void>();
  const die = () => {
    node.crash();
    killed.resolve();
  };
  node.beforeEffect = (_uid, { kind }) => {
    if (kind === 'prepareClaims' && point === 'before') die();
  };
  node.afterEffect = (_uid, { kind }) => {
    if (kind === 'prepareClaims' && point === 'after') die();
  };
  const { prepare } = driver;
  if (point === 'during')
    driver.prepare = () => {
      die();
      return new Promise(() => {});
    };
  node.setPod(claiming('web'));
  await killed.promise;
  await node.gone;
  driver.prepare = prepare;
  await newLife();
  await until(() => node.isReady('uid-web'));
  expect(running()).toHaveLength(1);
  expect(running()[0]?.config.CDIDevices).toEqual([{ name: 'vendor.example/gpu=one' }]);
  node.deletePod('uid-web');
  await gone();
  expect(methods()).toEqual([...(point === 'before' ? [] : ['prepare']), 'prepare', 'unprepare']);
});

test.each(points)('a kubelet that is killed %s the giving back', async (point) => {
  node.setPod(claiming('web'));
  await until(() => node.isReady('uid-web'));
  const killed = Promise.withResolvers<void>();
  const die = () => {
    node.crash();
    killed.resolve();
  };
  node.beforeEffect = (_uid, { kind }) => {
    if (kind === 'unprepareClaims' && point === 'before') die();
  };
  node.afterEffect = (_uid, { kind }) => {
    if (kind === 'unprepareClaims' && point === 'after') die();
  };
  const { unprepare } = driver;
  if (point === 'during')
    driver.unprepare = () => {
      die();
      return new Promise(() => {});
    };
  node.deletePod('uid-web');
  await killed.promise;
  await node.gone;
  expect(world.accepted.get('uid-web')?.phase).toBe('Running');
  driver.unprepare = unprepare;
  await newLife();
  await gone();
  expect(methods()).toEqual(['prepare', ...(point === 'during' ? ['unprepare'] : []), 'unprepare']);
});

test('a restart without the driver: a Pod that runs is not asked, and nobody can see it', async () => {
  node.setPod(claiming('web'));
  await until(() => node.isReady('uid-web'));
  const [container] = running();
  const status = node.status('uid-web');
  const writes = world.statuses.get('uid-web')?.length;
  await kill();
  await driver.vanish();
  await newLife(false);
  await until(() => node.table.get('uid-web')?.phase === 'Active' && reasons().length === 0);
  clock.advance(10 * 60_000);
  await until(() => node.table.get('uid-web')?.phase === 'Active');
  expect(running().map(({ id }) => id)).toEqual([container!.id]);
  expect(node.status('uid-web')).toEqual(status);
  expect(world.statuses.get('uid-web')?.length).toBe(writes);
  expect(methods()).toEqual(['prepare']);
});

test('a container that is made anew after a restart has its devices, and its driver is not asked', async () => {
  node.setPod(claiming('web'));
  await until(() => node.isReady('uid-web'));
  await kill();
  await newLife(false);
  await until(() => node.table.get('uid-web')?.phase === 'Active' && reasons().length === 0);
  world.cri.exitContainer(running()[0]!.id, 0);
  await until(() => {
    clock.advance(1000);
    return running().length === 1 && running()[0]!.config.metadata?.attempt === 1;
  });
  expect(running()[0]?.config.CDIDevices).toEqual([{ name: 'vendor.example/gpu=one' }]);
  expect(methods()).toEqual(['prepare']);
});

test('a driver that is not there is named, and the Pod starts as soon as it comes', async () => {
  node[Symbol.dispose]();
  await node.gone;
  await newLife(false);
  node.setPod(claiming('web'));
  const message = `prepare dynamic resources: DRA driver ${DRIVER} is not registered`;
  await until(() => reasons().some((one) => one.code === 'DynamicResources' && one.message === message));
  expect(node.events).toContainEqual(
    expect.objectContaining({
      type: 'Warning',
      reason: 'FailedPrepareDynamicResources',
      message: `Failed to prepare dynamic resources: ${message}`,
    }),
  );
  // No time passes.
  node.draPlugins.register(driver.info);
  await until(() => node.isReady('uid-web'));
});

test('a driver that is gone holds the end of its own Pods, says so, and nobody else’s', async () => {
  node.setPod(claiming('web'));
  node.setPod(fakePod('plain'));
  await until(() => node.isReady('uid-web') && node.isReady('uid-plain'));
  node.draPlugins.deregister(driver.info);
  node.deletePod('uid-web');
  node.deletePod('uid-plain');
  await gone('uid-plain');
  const error = `unprepare dynamic resources: DRA driver ${DRIVER} is not registered`;
  await until(() => reasons().some((one) => one.code === 'UnpreparingClaims' && one.error === error));
  expect(running()).toEqual([]);
  expect(node.status('uid-web')?.phase).toBe('Running');
  node.draPlugins.register(driver.info);
  await gone();
});

test('a driver that hangs is named; a Pod that is deleted meanwhile ends', async () => {
  driver.prepare = () => new Promise(() => {});
  node.setPod(claiming('web'));
  const message = `NodePrepareResources of DRA driver ${DRIVER} for one`;
  await until(() => reasons().some((one) => one.code === 'PreparingClaims' && one.message === message));
  node.deletePod('uid-web');
  await gone();
  expect(methods()).toEqual(['prepare', 'unprepare']);
});

test('a claim that two Pods share: prepared once, given back when the second is over', async () => {
  world.objects.set('ResourceClaim default/one', claim(['uid-web', 'uid-next']));
  node.setPod(claiming('web'));
  node.setPod(claiming('next'));
  await until(() => node.isReady('uid-web') && node.isReady('uid-next'));
  node.deletePod('uid-web');
  await gone();
  expect(methods()).toEqual(['prepare']);
  node.deletePod('uid-next');
  await gone('uid-next');
  expect(methods()).toEqual(['prepare', 'unprepare']);
});

test('a Pod that ends by itself gives its claim back before it is Succeeded', async () => {
  let phase: string | undefined;
  driver.unprepare = () => {
    phase = world.accepted.get('uid-web')?.phase;
    return {};
  };
  node.setPod(claiming('web', { restartPolicy: 'Never' }));
  await until(() => running().length === 1 && node.status('uid-web')?.phase === 'Running');
  world.cri.exitContainer(running()[0]!.id, 0);
  await until(() => node.status('uid-web')?.phase === 'Succeeded');
  expect(phase).toBe('Running');
  expect(methods()).toEqual(['prepare', 'unprepare']);
});

describe('the health of its devices', () => {
  const told = () => node.status('uid-web')?.containerStatuses?.[0]?.allocatedResourcesStatus;
  const status = (health: string, message?: string) => [
    { name: 'claim:gpu', resources: [{ resourceID: 'vendor.example/gpu=one', health, ...(message && { message }) }] },
  ];
  beforeEach(async () => {
    await kill();
    await driver[Symbol.asyncDispose]();
    driver = await FakeDraPlugin.start({ directory: world.root, driver: DRIVER, health: true });
    await newLife();
    node.setPod(claiming('web'));
    await until(() => node.isReady('uid-web') && driver.listeners === 1);
  });

  test('stands in the status of its container, with the words of the driver', async () => {
    expect(told()).toEqual(status('Unknown'));
    await driver.say('one', 'HEALTHY');
    await until(() => JSON.stringify(told()) === JSON.stringify(status('Healthy')));
    clock.advance(1000);
    await driver.say('one', 'UNHEALTHY', 'it burns');
    await until(() => JSON.stringify(told()) === JSON.stringify(status('Unhealthy', 'it burns')));
    clock.advance(30_000);
    await until(() => JSON.stringify(told()) === JSON.stringify(status('Unknown')));
  });

  test('is not forgotten by a restart, unless its driver stays away', async () => {
    await driver.say('one', 'HEALTHY');
    await until(() => JSON.stringify(told()) === JSON.stringify(status('Healthy')));
    const writes = world.statuses.get('uid-web')?.length;
    await kill();
    await newLife(false);
    await until(() => node.table.get('uid-web')?.phase === 'Active' && reasons().length === 0);
    expect(told()).toEqual(status('Healthy'));
    expect(world.statuses.get('uid-web')?.length).toBe(writes);
    clock.advance(30_000);
    await until(() => JSON.stringify(told()) === JSON.stringify(status('Unknown')));
  });
});

test('a driver that crashed under its registration is asked again as soon as it is back', async () => {
  await until(() => node.draPlugins.require(DRIVER).connected);
  await driver.vanish();
  await until(() => !node.draPlugins.require(DRIVER).connected);
  node.setPod(claiming('web'));
  await until(() => reasons().some((one) => one.code === 'DynamicResources' && /Unavailable/.test(one.message)));
  // No time passes.
  await driver.serve();
  await until(() => node.isReady('uid-web'));
});
