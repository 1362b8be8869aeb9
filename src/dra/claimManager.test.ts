import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { draCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import type { Container, ResourceClaim, StoredPod } from '../types/k8s.ts';
import { ClaimManager } from './claimManager.ts';
import { allocatedClaim, FakeDraPlugin } from './fake/fakeDraPlugin.ts';
import { DraPlugins } from './plugins.ts';

const DRIVER = 'gpu.example.com';
let root: string;
let claims: Map<string, ResourceClaim>;
let plugins: DraPlugins;
let manager: ClaimManager;
let driver: FakeDraPlugin;
let operations: [string, boolean][];
const signal = new AbortController().signal;

async function newLife(timeoutMs?: number): Promise<void> {
  plugins = new DraPlugins({ log: silentLogger, onUsable: () => {}, timeoutMs });
  manager = new ClaimManager({
    ...{ rootDir: root, plugins, log: silentLogger, table: new PodTable(), clock: new ManualClock(0) },
    random: () => 0,
    client: {
      get: async (_kind: string, { name }: { name: string }) => {
        const found = claims.get(name);
        if (!found) throw new Error(`resourceclaims.resource.k8s.io "${name}" not found`);
        return found as never;
      },
    },
    onOperation: (operation, failed) => operations.push([operation, failed]),
  });
  await manager.load();
}
async function die(): Promise<void> {
  await manager[Symbol.asyncDispose]();
  plugins[Symbol.dispose]();
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'kts-dra-'));
  operations = [];
  claims = new Map([['one', allocatedClaim('one', { drivers: [DRIVER], pods: ['uid-a', 'uid-b'] })]]);
  driver = await FakeDraPlugin.start({ directory: root, driver: DRIVER });
  await newLife();
  plugins.register(driver.info);
});
afterEach(async () => {
  await die();
  await driver[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});

const podOf = (name: string, claim: object = { name: 'gpu', resourceClaimName: 'one' }, status: object = {}) =>
  ({
    metadata: { name, namespace: 'default', uid: `uid-${name}` },
    spec: { containers: [], resourceClaims: [claim] },
    status,
  }) as unknown as StoredPod;
const prepare = (pod: StoredPod, wait: (message: string | undefined) => void = () => {}) =>
  manager.prepare(pod, signal, wait);
const unprepare = (uid: string) => manager.unprepare(uid, signal, () => {});
const onDisk = () => {
  const file = draCheckpoint<{ Data: string }>().decode(readFileSync(join(root, 'dra_manager_state'), 'utf8'));
  return JSON.parse(file.Data).ClaimInfoStateList;
};
const cdi = (pod: StoredPod, request?: string) =>
  manager.cdiDevices(pod, { name: 'c', resources: { claims: [{ name: 'gpu', request }] } } as Container);

test('a claim is prepared, its devices go to the container, and it is given back', async () => {
  const pod = podOf('a');
  await prepare(pod);
  expect(cdi(pod)).toEqual(['vendor.example/gpu=one']);
  expect(manager.held.inUse()).toEqual({ all: 1, byDriver: new Map([[DRIVER, 1]]) });
  expect(onDisk()).toEqual([
    {
      ClaimUID: 'uid-one',
      ClaimName: 'one',
      Namespace: 'default',
      PodUIDs: { 'uid-a': {} },
      DriverState: {
        [DRIVER]: {
          Devices: [
            {
              PoolName: 'pool',
              DeviceName: 'one',
              ShareID: null,
              RequestNames: [],
              CDIDeviceIDs: ['vendor.example/gpu=one'],
            },
          ],
        },
      },
    },
  ]);
  await unprepare('uid-a');
  await unprepare('uid-a');
  expect(driver.calls).toEqual([
    ['prepare', 'one'],
    ['unprepare', 'one'],
  ]);
  expect(onDisk()).toEqual([]);
  expect(operations).toEqual([
    ['PrepareResources', false],
    ['UnprepareResources', false],
  ]);
});

test('the Pod is written down before the driver hears of it', async () => {
  let seen: unknown;
  driver.prepare = () => {
    seen = onDisk();
    return {};
  };
  await prepare(podOf('a'));
  expect(seen).toMatchObject([
    { ClaimName: 'one', PodUIDs: { 'uid-a': {} }, DriverState: { [DRIVER]: { Devices: null } } },
  ]);
});

test('a container has the devices of the requests that it names', async () => {
  driver.prepare = () => ({
    devices: [driver.device('x', ['first']), driver.device('y', ['second']), driver.device('z')],
  });
  const pod = podOf('a');
  await prepare(pod);
  expect(cdi(pod, 'second')).toEqual(['vendor.example/gpu=y', 'vendor.example/gpu=z']);
  expect(cdi(pod)).toHaveLength(3);
  expect(manager.cdiDevices(pod, { name: 'other' } as Container)).toEqual([]);
});

test('an extended resource that a claim stands behind', async () => {
  const extendedResourceClaimStatus = {
    resourceClaimName: 'one',
    requestMappings: [{ containerName: 'c', resourceName: 'vendor.example/gpu', requestName: 'r-0' }],
  };
  const pod = { ...podOf('a', undefined, { extendedResourceClaimStatus }), spec: { containers: [] } } as StoredPod;
  driver.prepare = () => ({ devices: [driver.device('x', ['r-0']), driver.device('y', ['r-1'])] });
  await prepare(pod);
  const container = { name: 'c', resources: { requests: { 'vendor.example/gpu': '1' } } } as unknown as Container;
  expect(manager.cdiDevices(pod, container)).toEqual(['vendor.example/gpu=x']);
  expect(manager.cdiDevices(pod, { ...container, name: 'd' })).toEqual([]);
});

test('a claim that Pods share is prepared once, and given back by the last of them', async () => {
  await Promise.all([prepare(podOf('a')), prepare(podOf('b'))]);
  await unprepare('uid-a');
  expect(driver.calls).toEqual([['prepare', 'one']]);
  expect(onDisk()).toMatchObject([{ PodUIDs: { 'uid-b': {} } }]);
  await unprepare('uid-b');
  expect(driver.calls).toEqual([
    ['prepare', 'one'],
    ['unprepare', 'one'],
  ]);
});

describe('what is refused, in kubelet’s words', () => {
  const template = { name: 'gpu', resourceClaimTemplateName: 't' };
  const generated = { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'one' }] };
  test.each<[string, StoredPod, () => void, string]>([
    [
      'no such claim',
      podOf('a', { name: 'gpu', resourceClaimName: 'two' }),
      () => {},
      'fetch ResourceClaim two: resourceclaims.resource.k8s.io "two" not found',
    ],
    ['a template without its claim', podOf('a', template), () => {}, 'pod "default/a": ResourceClaim not created yet'],
    [
      'neither name nor template',
      podOf('a', { name: 'gpu' }),
      () => {},
      'pod "default/a", spec.resourceClaim "gpu": none of the supported fields are set',
    ],
    [
      'somebody else’s claim under the generated name',
      podOf('a', template, generated),
      () => {},
      'ResourceClaim default/one was not created for Pod default/a (Pod is not owner)',
    ],
    ['not reserved', podOf('c'), () => {}, 'pod c (uid-c) is not allowed to use ResourceClaim one (uid-one)'],
    [
      'not allocated',
      podOf('a'),
      () => {
        const one = claims.get('one')!;
        const { allocation: _, ...status } = one.status!;
        claims.set('one', { ...one, status });
      },
      'ResourceClaim one: not allocated',
    ],
    ['no driver', podOf('a'), () => plugins.deregister(driver.info), `DRA driver ${DRIVER} is not registered`],
    [
      'the driver says no',
      podOf('a'),
      () => {
        driver.prepare = () => ({ error: 'broken device' });
      },
      'NodePrepareResources failed for ResourceClaim one: broken device',
    ],
    [
      'the driver forgets one',
      podOf('a'),
      () => {
        driver.lie = () => ({});
      },
      'NodePrepareResources skipped 1 ResourceClaims',
    ],
    [
      'the driver answers for another',
      podOf('a'),
      () => {
        driver.lie = (answer) => ({ 'uid-other': Object.values(answer)[0]! });
      },
      'NodePrepareResources returned result for unknown claim UID uid-other',
    ],
  ])('%s', async (_, pod, arrange, words) => {
    arrange();
    await expect(prepare(pod)).rejects.toThrow(`prepare dynamic resources: ${words}`);
    expect(operations).toEqual([['PrepareResources', true]]);
  });

  test('the owner of a generated claim may', async () => {
    claims.set('one', allocatedClaim('one', { drivers: [DRIVER], pods: ['uid-a'], owner: 'uid-a' }));
    await prepare(podOf('a', template, generated));
    expect(driver.count('prepare')).toBe(1);
  });

  test('a template that turned out to need no claim', async () => {
    await prepare(podOf('a', template, { resourceClaimStatuses: [{ name: 'gpu' }] }));
    expect(driver.calls).toEqual([]);
  });

  test('a claim made anew under its name', async () => {
    await prepare(podOf('a'));
    claims.set('one', { ...claims.get('one')!, metadata: { name: 'one', namespace: 'default', uid: 'new' } });
    await expect(prepare(podOf('b'))).rejects.toThrow(
      'old ResourceClaim with same name one and different UID uid-one still exists (previous pod force-deleted?!)',
    );
  });
});

test('a driver that hangs is named, ends after its time, and keeps no other Pod', async () => {
  await die();
  await newLife(300);
  plugins.register(driver.info);
  await using other = await FakeDraPlugin.start({ directory: root, driver: 'net.example.com' });
  plugins.register(other.info);
  claims.set('two', allocatedClaim('two', { drivers: ['net.example.com'], pods: ['uid-b'] }));
  driver.prepare = () => new Promise(() => {});
  const heard: (string | undefined)[] = [];
  const hanging = prepare(podOf('a'), (message) => heard.push(message)).catch((error) => error.message);
  await until(() => driver.count('prepare') === 1);
  await prepare(podOf('b', { name: 'gpu', resourceClaimName: 'two' }));
  expect(await hanging).toBe(
    'prepare dynamic resources: NodePrepareResources: rpc error: code = DeadlineExceeded desc = context deadline exceeded',
  );
  expect(heard).toEqual([`NodePrepareResources of DRA driver ${DRIVER} for one`, undefined]);
  // It may have prepared it, so it is told.
  await unprepare('uid-a');
  expect(driver.count('unprepare')).toBe(1);
});

test('what no driver was asked for, no driver is asked to take back', async () => {
  claims.set('one', allocatedClaim('one', { drivers: [DRIVER, 'net.example.com'], pods: ['uid-a'] }));
  await using net = await FakeDraPlugin.start({ directory: root, driver: 'net.example.com' });
  plugins.register(net.info);
  driver.prepare = () => ({ error: 'broken' });
  await expect(prepare(podOf('a'))).rejects.toThrow('broken');
  plugins.deregister(net.info);
  await unprepare('uid-a');
  expect(net.calls).toEqual([]);
  expect(driver.count('unprepare')).toBe(1);
  expect(onDisk()).toEqual([]);
});

test('a driver that has taken its part back is not asked again when another one could not', async () => {
  claims.set('one', allocatedClaim('one', { drivers: [DRIVER, 'net.example.com'], pods: ['uid-a', 'uid-b'] }));
  await using net = await FakeDraPlugin.start({ directory: root, driver: 'net.example.com' });
  plugins.register(net.info);
  await prepare(podOf('a'));
  net.unprepare = () => ({ error: 'busy' });
  await expect(unprepare('uid-a')).rejects.toThrow(
    'unprepare dynamic resources: NodeUnprepareResources failed for ResourceClaim one: busy',
  );
  // A Pod that comes meanwhile has it prepared anew by everybody.
  await prepare(podOf('b'));
  await unprepare('uid-a');
  expect(driver.calls.map(([method]) => method)).toEqual(['prepare', 'unprepare', 'prepare']);
  expect(net.calls.map(([method]) => method)).toEqual(['prepare', 'unprepare', 'prepare']);
});

test('a driver that answers without end is refused', async () => {
  driver.prepare = () => ({ devices: [driver.device('x'.repeat(2 ** 20))] });
  await expect(prepare(podOf('a'))).rejects.toThrow(/NodePrepareResources: rpc error: code = ResourceExhausted/);
  expect(onDisk()).toMatchObject([{ DriverState: { [DRIVER]: { Devices: null } } }]);
});

test('an abort ends the wait at once, and the claim is given back afterwards', async () => {
  driver.prepare = () => new Promise(() => {});
  const wanted = new AbortController();
  const first = manager.prepare(podOf('a'), wanted.signal, () => {});
  const second = manager.prepare(podOf('b'), wanted.signal, () => {});
  await until(() => driver.count('prepare') === 1);
  wanted.abort(new Error('no longer wanted'));
  await expect(first).rejects.toThrow('no longer wanted');
  await expect(second).rejects.toThrow('no longer wanted');
  await unprepare('uid-a');
  expect(driver.calls).toEqual([
    ['prepare', 'one'],
    ['unprepare', 'one'],
  ]);
});

describe('the next life', () => {
  test('knows devices without asking anybody, and asks again only for a new sandbox', async () => {
    const pod = podOf('a');
    await prepare(pod);
    await die();
    await newLife();
    expect(cdi(pod)).toEqual(['vendor.example/gpu=one']);
    expect(driver.count('prepare')).toBe(1);
    plugins.register(driver.info);
    await prepare(pod);
    expect(driver.count('prepare')).toBe(2);
    expect(cdi(pod)).toEqual(['vendor.example/gpu=one']);
    await unprepare('uid-a');
    expect(driver.count('unprepare')).toBe(1);
  });

  test('gives back the claims of Pods that nobody knows, when their driver comes', async () => {
    await prepare(podOf('a'));
    await die();
    await newLife();
    manager.prune();
    await until(() => operations.some(([operation, failed]) => operation === 'UnprepareResources' && failed));
    plugins.register(driver.info);
    await until(() => driver.count('unprepare') === 1);
    await until(() => onDisk().length === 0);
  });

  test('does not begin with a file that cannot be used', async () => {
    await die();
    writeFileSync(join(root, 'dra_manager_state'), '{"Data":"{}","Checksum":1}');
    await expect(newLife()).rejects.toThrow('the DRA manager state in');
    rmSync(join(root, 'dra_manager_state'));
    await newLife();
  });

  test('a container is not made without what was prepared for it', async () => {
    expect(() => cdi(podOf('a'))).toThrow(
      'internal error: unable to get claim info for ResourceClaim one in namespace default',
    );
  });
});

test('v1beta1 is spoken with those who know nothing else', async () => {
  await using old = await FakeDraPlugin.start({
    directory: root,
    driver: 'old.example.com',
    service: 'v1beta1.DRAPlugin',
  });
  plugins.register(old.info);
  claims.set('one', allocatedClaim('one', { drivers: ['old.example.com'], pods: ['uid-a'] }));
  await prepare(podOf('a'));
  await unprepare('uid-a');
  expect(old.calls).toEqual([
    ['prepare', 'one'],
    ['unprepare', 'one'],
  ]);
});
