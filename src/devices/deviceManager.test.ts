import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceCheckpoint } from '../k8s/kubeletCheckpoints.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodTable } from '../pods/table.ts';
import type { Container, StoredPod } from '../types/k8s.ts';
import { PLUGIN_WAIT_MS } from './allocation.ts';
import { DeviceManager } from './deviceManager.ts';
import { STOP_GRACE_MS } from './endpoints.ts';
import { FakeDevicePlugin, healthyDevices } from './fake/fakeDevicePlugin.ts';

const GPU = 'vendor.example/gpu';
let root: string;
let directory: string;
let clock: ManualClock;
let manager: DeviceManager;
let registered: string[];
let observed: string[];
const open: AsyncDisposable[] = [];

const PATIENT = { connectMs: 20_000, optionsMs: 20_000, allocateMs: 20_000, preStartMs: 20_000 };
const HASTY = { connectMs: 1000, optionsMs: 500, allocateMs: 500, preStartMs: 500 };

async function start(timeouts = PATIENT): Promise<DeviceManager> {
  manager = new DeviceManager({
    rootDir: root,
    table: new PodTable(),
    clock,
    log: silentLogger,
    onRegistration: (resource) => registered.push(resource),
    onAllocated: (resource) => observed.push(resource),
    timeouts,
  });
  open.push(manager);
  await manager.load();
  await manager.serve();
  return manager;
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'kts-dev-'));
  directory = join(root, 'device-plugins');
  clock = new ManualClock();
  [registered, observed] = [[], []];
  await start();
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** The same in a life that waits for no plug-in for long. */
async function restartHasty(): Promise<void> {
  await manager[Symbol.asyncDispose]();
  await start(HASTY);
}

async function plugin(more: Partial<Parameters<typeof FakeDevicePlugin.start>[0]> = {}): Promise<FakeDevicePlugin> {
  const started = await FakeDevicePlugin.start({
    directory,
    resource: GPU,
    devices: healthyDevices(['gpu-0', 'gpu-1']),
    ...more,
  });
  open.push(started);
  return started;
}

const container = (name: string, count: number, more: object = {}): Container =>
  ({
    name,
    image: 'i',
    resources: { limits: { [GPU]: String(count) }, requests: { [GPU]: String(count) } },
    ...more,
  }) as Container;
const podOf = (uid: string, containers: readonly Container[] = [container('main', 1)]): StoredPod =>
  ({ metadata: { uid, name: uid, namespace: 'ns' }, spec: { containers } }) as StoredPod;
const signal = () => new AbortController().signal;
const allocatable = () => manager.capacity().allocatable[GPU];

/** Both steps of admission; gives the rejection's message. */
async function admit(pod: StoredPod, by = signal()): Promise<string | undefined> {
  const refusal = manager.places.refusal(pod) ?? manager.places.hold(pod);
  if (refusal && 'reason' in refusal) return refusal.message;
  if (!refusal) return undefined;
  return manager.allocate(pod, by).then(
    () => undefined,
    (error: Error) => error.message,
  );
}
const idsOf = (uid: string) =>
  Object.values(manager.devicesOf(uid)).flatMap((held) => held.flatMap((one) => one.devices.map((d) => d.id)));

describe('registration', () => {
  test('a plug-in that registers has its devices in the Node, and is counted', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    expect(manager.capacity()).toEqual({ capacity: { [GPU]: '2' }, allocatable: { [GPU]: '2' }, removed: [] });
    expect(registered).toEqual([GPU]);
    expect(gpu.calls.map(([method]) => method)).toEqual(['options', 'list']);
  });

  test.each([
    [
      { version: 'v1alpha' },
      'requested API version "v1alpha" is not supported by kubelet. Supported version is ["v1beta1"]',
    ],
    [{ resource: 'cpu' }, 'the ResourceName "cpu" is invalid'],
    [{ endpoint: 'nobody.sock' }, 'failed to dial device plugin: '],
    [{ endpoint: 'x'.repeat(500) }, 'failed to dial device plugin: nobody can connect'],
  ])('%j is refused in kubelet’s words', async (more, message) => {
    await restartHasty();
    const gpu = await plugin();
    await expect(gpu.register(more)).rejects.toThrow(message);
    expect(manager.capacity().capacity).toEqual({});
  });

  test('a plug-in whose options cannot be had is not used, and asked once', async () => {
    const gpu = await plugin();
    gpu.optionsAnswer = () => {
      throw new Error('no');
    };
    await expect(gpu.register()).rejects.toThrow(
      'failed to get device plugin options: rpc error: code = Unknown desc = no',
    );
    expect(gpu.calls).toEqual([['options']]);
  });

  test('one that hangs in its options holds no other up', async () => {
    await restartHasty();
    const [hung, well] = [await plugin({ resource: 'vendor.example/hung' }), await plugin()];
    hung.optionsAnswer = () => new Promise(() => {});
    const refused = expect(hung.register()).rejects.toThrow('DeadlineExceeded');
    await well.register();
    await until(() => allocatable() === '2');
    await refused;
  });

  test('old sockets are removed at the start, everything else stays', async () => {
    const old = createServer().listen(join(directory, 'old.sock'));
    await until(() => existsSync(join(directory, 'old.sock')));
    writeFileSync(join(directory, 'file'), '');
    mkdirSync(join(directory, 'dir'));
    await manager[Symbol.asyncDispose]();
    await start();
    expect(readdirSync(directory).sort()).toEqual(['dir', 'file', 'kubelet.sock']);
    old.close();
  });

  test('through plugins_registry', async () => {
    const gpu = await plugin();
    const info = { type: 'DevicePlugin', name: GPU, endpoint: gpu.path, versions: ['v1beta1'], socket: gpu.path };
    const { handler } = manager;
    await handler.validate(info);
    expect(() => handler.validate({ ...info, versions: ['v2', 'v3'] })).toThrow(
      'manager version, v1beta1, is not among plugin supported versions [v2 v3]',
    );
    expect(() => handler.validate({ ...info, name: 'gpu' })).toThrow(
      'invalid name of device plugin socket: the ResourceName "gpu" is invalid',
    );
    await handler.register(info, signal());
    await until(() => allocatable() === '2');
    await handler.deregister({ ...info, endpoint: '/other' }, signal());
    expect(allocatable()).toBe('2');
    await handler.deregister(info, signal());
    expect(allocatable()).toBe('0');
  });
});

describe('the life of a plug-in', () => {
  test('health counts for allocatable, not for capacity', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    await gpu.say([
      { ID: 'gpu-0', health: 'Unhealthy' },
      { ID: 'gpu-1', health: 'Healthy' },
    ]);
    await until(() => allocatable() === '1');
    expect(manager.capacity().capacity).toEqual({ [GPU]: '2' });
  });

  test('one that ends its list has nothing to give; its capacity is 0 after five minutes, and it is not asked again', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    gpu.endLists();
    await until(() => allocatable() === '0');
    expect(manager.capacity().capacity).toEqual({ [GPU]: '2' });
    expect(await admit(podOf('a'))).toBe(
      `Allocate failed due to no healthy devices present; cannot allocate unhealthy devices ${GPU}, which is unexpected`,
    );
    clock.advance(STOP_GRACE_MS + 1);
    expect(manager.capacity()).toEqual({ capacity: {}, allocatable: {}, removed: [GPU] });
    expect(gpu.calls.map(([method]) => method)).toEqual(['options', 'list']);
    manager.shown({ [GPU]: '0' });
    expect(manager.capacity().removed).toEqual([]);
  });

  test('one that comes back in time is as before, and no grace ends it later', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    await gpu.vanish();
    await until(() => allocatable() === '0');
    await gpu.serve();
    await gpu.register();
    await until(() => allocatable() === '2');
    clock.advance(STOP_GRACE_MS + 1);
    expect(allocatable()).toBe('2');
  });

  test('a new plug-in takes the place of the one that has the resource; the end of the old one is not its own', async () => {
    const old = await plugin();
    await old.register();
    await until(() => allocatable() === '2');
    const next = await plugin({ socket: 'next.sock', devices: healthyDevices(['a', 'b', 'c']) });
    await next.register();
    await until(() => allocatable() === '3');
    await old.vanish();
    expect(await admit(podOf('a'))).toBeUndefined();
    expect(next.count('allocate')).toBe(1);
    expect(allocatable()).toBe('3');
  });

  test('a list of more devices than could be looked at is not read: its plug-in is gone', async () => {
    const gpu = await plugin({ devices: Array.from({ length: 300_000 }, () => ({})) });
    await gpu.register();
    await until(() => gpu.count('list') === 1 && gpu.listeners === 0);
    await gpu.say(healthyDevices(['gpu-0']));
    await gpu.register();
    await until(() => allocatable() === '1');
  });

  test('a flood of lists is taken one after the other and slowly, and the last one counts', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    for (let i = 0; i < 100; i++) await gpu.say(healthyDevices(['gpu-0', ...(i === 99 ? ['gpu-1', 'gpu-2'] : [])]));
    await until(() => allocatable() === '1');
    let waited = 0;
    await until(() => {
      clock.advance(100);
      waited += 100;
      return allocatable() === '3';
    });
    expect(waited).toBeGreaterThan(5000);
  });
});

describe('allocation', () => {
  test('each Pod gets its own device, and what the plug-in answers; one too many is rejected in kubelet’s words', async () => {
    const gpu = await plugin();
    gpu.allocate = (ids) => ({
      envs: { GPU: ids[0]! },
      mounts: [{ hostPath: '/host', containerPath: '/in', readOnly: true }],
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/gpu', permissions: 'rw' }],
      annotations: { note: 'yes' },
      cdiDevices: [{ name: `vendor.example/gpu=${ids[0]}` }],
    });
    await gpu.register();
    await until(() => allocatable() === '2');
    expect(await admit(podOf('a'))).toBeUndefined();
    expect(await admit(podOf('b'))).toBeUndefined();
    expect([...idsOf('a'), ...idsOf('b')].sort()).toEqual(['gpu-0', 'gpu-1']);
    expect(await admit(podOf('c'))).toBe(
      `Allocate failed due to requested number of devices unavailable for ${GPU}. Requested: 1, Available: 0, which is unexpected`,
    );
    expect(await manager.settings(podOf('a'), container('main', 1), signal())).toEqual({
      env: [{ name: 'GPU', value: 'gpu-0' }],
      mounts: [{ hostPath: '/host', containerPath: '/in', readonly: true, propagation: 'PROPAGATION_PRIVATE' }],
      devices: [{ hostPath: '/dev/null', containerPath: '/dev/gpu', permissions: 'rw' }],
      annotations: { note: 'yes' },
      cdiDevices: ['vendor.example/gpu=gpu-0'],
    });
    expect(observed).toEqual([GPU, GPU]);
    manager.release('a');
    expect(await admit(podOf('c'))).toBeUndefined();
    expect(idsOf('c')).toEqual(['gpu-0']);
  });

  test('what is held for a Pod that is being admitted is taken for all others', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    const answer = Promise.withResolvers<object>();
    gpu.allocate = () => answer.promise;
    const waiting = admit(podOf('a', [container('main', 2)]));
    await until(() => gpu.count('allocate') === 1);
    expect(await admit(podOf('b'))).toContain('Requested: 1, Available: 0');
    answer.resolve({});
    expect(await waiting).toBeUndefined();
  });

  test('a plug-in that refuses, hangs, or vanishes in Allocate ends in a rejection, and gives the devices back', async () => {
    await restartHasty();
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    gpu.allocate = () => {
      throw new Error('broken');
    };
    const pod = podOf('a', [container('main', 2)]);
    const attempt = async () => {
      const message = await admit(pod);
      manager.places.giveUp('a');
      manager.release('a');
      return message;
    };
    expect(await attempt()).toBe('rpc error: code = Unknown desc = broken');
    gpu.allocate = () => new Promise(() => {});
    expect(await attempt()).toMatch(/^rpc error: code = DeadlineExceeded desc = /);
    gpu.allocate = () => {
      void gpu.vanish();
      return new Promise(() => {});
    };
    expect(await attempt()).toMatch(/^rpc error: code = /);
    await gpu.serve();
    await gpu.register();
    await until(() => allocatable() === '2');
    gpu.allocate = () => ({});
    expect(await attempt()).toBeUndefined();
  });

  test('what cannot be written down is not given', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    rmSync(join(directory, 'kubelet_internal_checkpoint'), { force: true });
    mkdirSync(join(directory, 'kubelet_internal_checkpoint/in-the-way'), { recursive: true });
    expect(await admit(podOf('a'))).toMatch(/^failed to write checkpoint file "kubelet_internal_checkpoint": /);
  });

  test('an answer that is too long is none', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    gpu.allocate = () => ({ envs: { LONG: 'x'.repeat(1024 * 1024) } });
    expect(await admit(podOf('a'))).toContain('answered 1048');
  });

  test('a preference is heard as far as it is free; nobody loses a device by it', async () => {
    const gpu = await plugin({
      devices: healthyDevices(['0', '1', '2', '3']),
      options: { getPreferredAllocationAvailable: true },
    });
    await gpu.register();
    await until(() => allocatable() === '4');
    gpu.preferred = () => ['3', 'nonsense'];
    expect(await admit(podOf('a'))).toBeUndefined();
    expect(idsOf('a')).toEqual(['3']);
    // While it thinks, another Pod takes what it will prefer.
    gpu.preferred = async ({ availableDeviceIDs, allocationSize }) => {
      expect([availableDeviceIDs, allocationSize]).toEqual([['0', '1', '2'], 2]);
      gpu.preferred = () => ['2'];
      expect(await admit(podOf('c'))).toBeUndefined();
      return ['2', '1'];
    };
    expect(await admit(podOf('b', [container('main', 2)]))).toBeUndefined();
    expect(idsOf('c')).toEqual(['2']);
    expect(idsOf('b')).toEqual(['0', '1']);
  });

  test('PreStartContainer is called before each start, if the plug-in wishes; its failure is told', async () => {
    await restartHasty();
    const gpu = await plugin({ options: { preStartRequired: true } });
    await gpu.register();
    await until(() => allocatable() === '2');
    expect(await admit(podOf('a'))).toBeUndefined();
    const ask = () => manager.settings(podOf('a'), container('main', 1), signal());
    await ask();
    await ask();
    expect(gpu.calls.filter(([method]) => method === 'preStart')).toEqual([
      ['preStart', 'gpu-0'],
      ['preStart', 'gpu-0'],
    ]);
    gpu.preStart = () => {
      throw new Error('cold');
    };
    await expect(ask()).rejects.toThrow(
      'device plugin PreStartContainer rpc failed with err: rpc error: code = Unknown desc = cold',
    );
    gpu.preStart = () => new Promise(() => {});
    await expect(ask()).rejects.toThrow('DeadlineExceeded');
  });

  test('a Pod without devices, and a resource that nobody registered, are nobody’s business here', async () => {
    expect(manager.places.refusal(podOf('a'))).toBeUndefined();
    expect(manager.places.hold(podOf('a'))).toBeUndefined();
    expect(await manager.settings(podOf('a'), container('main', 1), signal())).toBeNull();
  });
});

describe('a restart', () => {
  const checkpoint = () => join(directory, 'kubelet_internal_checkpoint');
  async function restart(): Promise<void> {
    await manager[Symbol.asyncDispose]();
    await start();
  }

  test('keeps who has what; the plug-in is not asked again', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    await admit(podOf('a'));
    await restart();
    expect(idsOf('a')).toEqual(['gpu-0']);
    expect(manager.capacity()).toEqual({ capacity: { [GPU]: '0' }, allocatable: { [GPU]: '0' }, removed: [] });
    // Its own socket was removed with the others: it serves and registers again.
    await gpu.vanish();
    await gpu.serve();
    await gpu.register();
    await until(() => allocatable() === '2');
    expect(await admit(podOf('a'))).toBeUndefined();
    expect(gpu.count('allocate')).toBe(1);
    expect((await manager.settings(podOf('a'), container('main', 1), signal()))?.env).toEqual([
      { name: 'DEVICES', value: 'gpu-0' },
    ]);
    expect(await admit(podOf('b'))).toBeUndefined();
    expect(idsOf('b')).toEqual(['gpu-1']);
  });

  test('a Pod that had devices waits for their plug-in, and goes on when it is there', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    await admit(podOf('a'));
    await gpu.vanish();
    await restart();
    expect(manager.places.refusal(podOf('a'))).toBeUndefined();
    expect(manager.places.hold(podOf('a'))).toEqual({ devices: [], awaits: [GPU] });
    const waiting = admit(podOf('a'));
    expect(await admit(podOf('new'))).toContain('no healthy devices present');
    await gpu.serve();
    await gpu.register();
    expect(await waiting).toBeUndefined();
    expect(gpu.count('allocate')).toBe(1);
  });

  test('it waits for 45 s, then Go’s rejection', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    await admit(podOf('a'));
    await gpu.vanish();
    await restart();
    const waiting = admit(podOf('a'));
    await new Promise(setImmediate);
    clock.advance(PLUGIN_WAIT_MS + 1);
    expect(await waiting).toBe(`no healthy devices present; cannot allocate unhealthy devices ${GPU}`);
  });

  test('Go reads what was written, and what Go wrote is read and kept', async () => {
    const recorded = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../hack/checkpoints/recorded.json'), 'utf8'),
    ) as { kind: string; name: string; text: string }[];
    const go = recorded.find(({ kind, name }) => kind === 'devices' && name === 'full')!.text;
    await manager[Symbol.asyncDispose]();
    writeFileSync(checkpoint(), go);
    await start();
    const format = deviceCheckpoint<{
      Data: { PodDeviceEntries: { PodUID: string; DeviceIDs?: object; AllocResp?: string }[] };
    }>();
    const before = format.decode(go).Data.PodDeviceEntries;
    expect(manager.book.pods().length).toBeGreaterThan(0);
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    expect(await admit(podOf('mine'))).toBeUndefined();
    const after = format.decode(readFileSync(checkpoint(), 'utf8')).Data.PodDeviceEntries;
    const known = new Set(manager.book.pods());
    // Go means the same by null and by nothing in it.
    const kept = before
      .filter(({ PodUID }) => known.has(PodUID))
      .map((entry) => ({ ...entry, DeviceIDs: entry.DeviceIDs ?? {}, AllocResp: entry.AllocResp ?? '' }));
    expect(after.filter(({ PodUID }) => PodUID !== 'mine')).toEqual(kept);
    expect(after.filter(({ PodUID }) => PodUID === 'mine')).toHaveLength(1);
  });

  test.each(['', '{', '{"Data":{"PodDeviceEntries":[{}],"RegisteredDevices":{}},"Checksum":1}'])(
    'a checkpoint that cannot be used, %j, is none',
    async (text) => {
      await manager[Symbol.asyncDispose]();
      writeFileSync(checkpoint(), text);
      await start();
      expect(manager.book.pods()).toEqual([]);
    },
  );

  test('Pods of which nothing is known when all sources have reported have no devices', async () => {
    const gpu = await plugin();
    await gpu.register();
    await until(() => allocatable() === '2');
    await admit(podOf('a', [container('main', 2)]));
    manager.prune();
    expect(await admit(podOf('b'))).toBeUndefined();
  });
});
