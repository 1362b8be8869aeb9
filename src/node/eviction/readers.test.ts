import { appendFileSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import type { ServedPod } from '../../pods/served.ts';
import { CgroupUse } from '../../stats/cgroupUse.ts';
import { StorageFigures } from '../../stats/storage.ts';
import { watchMemoryEvents } from './memoryEvents.ts';
import { NodeReader } from './nodeReader.ts';
import { PodMeasures } from './podMeasures.ts';
import { observe } from './rules/observations.ts';
import { ALL_SIGNALS } from './rules/signals.ts';

let root: string;
const clock = new ManualClock();
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'eviction-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function cgroup(path: string, files: Record<string, string>): void {
  mkdirSync(join(root, path), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, path, name), text);
}
const use = (version: 1 | 2) => new CgroupUse({ version, of: () => root, all: [root] });
const V2 = { 'memory.current': '900\n', 'memory.stat': 'anon 5\ninactive_file 200\n', 'memory.max': '2000\n' };
const V1 = {
  'memory.usage_in_bytes': '900\n',
  'memory.stat': 'inactive_file 1\ntotal_inactive_file 200\n',
  'memory.limit_in_bytes': '2000\n',
};

describe('cgroups', () => {
  test.each([
    [1, V1],
    [2, V2],
  ] as const)('v%d: working set, limit, tasks', async (version, files) => {
    cgroup('pods', { ...files, 'pids.current': '17\n' });
    const found = use(version);
    expect(await found.memory('pods')).toEqual({ usage: 900, workingSet: 700 });
    expect([await found.memoryLimit('pods'), await found.tasks('pods')]).toEqual([2000, 17]);
  });

  test('no limit, and a cgroup that is gone', async () => {
    cgroup('a', { 'memory.max': 'max\n' });
    cgroup('b', { 'memory.limit_in_bytes': '9223372036854771712\n' });
    expect([await use(2).memoryLimit('a'), await use(1).memoryLimit('b')]).toEqual([undefined, undefined]);
    expect([await use(2).memory('gone'), await use(2).tasks('gone')]).toEqual([undefined, undefined]);
  });

  test("the kernel's word wakes; what cannot be watched does not fail", async () => {
    cgroup('pods', { 'memory.events': 'max 0\n' });
    let events = 0;
    const file = join(root, 'pods/memory.events');
    {
      using _watch = watchMemoryEvents(file, () => (events += 1));
      appendFileSync(file, 'max 1\n');
      await until(() => events > 0);
    }
    watchMemoryEvents(join(root, 'none'), () => {})[Symbol.dispose]();
  });
});

describe('the node', () => {
  const reader = (imageFsInfo: (options?: { timeoutMs?: number }) => Promise<unknown>) => {
    cgroup('pods', V2);
    const runtime = { imageFsInfo: imageFsInfo as never };
    return new NodeReader({ rootDir: root, runtime, cgroups: use(2), podsCgroup: 'pods', clock });
  };
  const at = (mountpoint: string) => [{ fsId: { mountpoint } }];

  test('every signal of this machine is read and can be', async () => {
    const node = reader(async () => ({ imageFilesystems: at(root), containerFilesystems: at(root) }));
    const { readings, layout } = await node.read();
    const { observations, impossible } = observe(readings);
    expect(impossible).toEqual([]);
    expect(ALL_SIGNALS.filter((signal) => !observations[signal])).toEqual([]);
    expect(layout).toEqual({ imageFs: false, containerFs: false });
    const fs = statfsSync(root);
    expect(readings.nodefs?.capacityBytes).toBe(fs.blocks * fs.bsize);
    expect(observations['allocatableMemory.available']).toEqual({ available: 1300, capacity: 2000 });
  });

  test.each([
    ['/proc', undefined, { imageFs: true, containerFs: false }],
    ['/proc', '/sys', { imageFs: true, containerFs: true }],
  ])('images at %s, layers at %s: %j', async (images, layers, expected) => {
    const node = reader(async () => ({
      imageFilesystems: at(images),
      containerFilesystems: layers === undefined ? [] : at(layers),
    }));
    expect((await node.read()).layout).toEqual(expected);
  });

  test('the runtime is asked where its files are until it says so, and then seldom', async () => {
    let asked = 0;
    const node = reader(async () => {
      asked += 1;
      if (asked < 3) throw new Error('away');
      return { imageFilesystems: at(root), containerFilesystems: [] };
    });
    const layouts = [];
    for (let i = 0; i < 6; i++) layouts.push((await node.read()).layout !== undefined);
    expect([layouts, asked]).toEqual([[false, false, true, true, true, true], 3]);
  });

  test('a runtime that hangs holds nothing up for longer than its 2 s, and is not asked again meanwhile', async () => {
    let asked = 0;
    const node = reader(() => {
      asked += 1;
      return new Promise(() => {});
    });
    const first = node.read();
    await clock.advanceAsync(2_000);
    expect((await first).readings.memory).toBeDefined();
    expect((await node.read()).layout).toBeUndefined();
    expect(asked).toBe(1);
  });
});

describe('Pods', () => {
  const served = (name: string, more: object = {}): ServedPod =>
    ({
      uid: name,
      name,
      namespace: 'ns',
      pod: { spec: { containers: [{ name: 'c' }] } },
      observed: {
        sandboxes: [{ id: `s-${name}` }],
        containers: [{ id: `c-${name}`, name: 'c', state: 'running', logPath: join(root, name, 'log/0.log') }],
      },
      volumePath: (volume: string) => join(root, name, volume),
      ...more,
    }) as unknown as ServedPod;
  const layer = (name: string, bytes: number) => ({
    attributes: { id: `c-${name}` },
    memory: { workingSetBytes: { value: '77' } },
    writableLayer: { usedBytes: { value: String(bytes) }, inodesUsed: { value: '3' } },
  });
  let asked: unknown[];
  function measures(layers: () => Promise<unknown[]>) {
    asked = [];
    const runtime = {
      listContainerStats: (filter: unknown) => {
        asked.push(filter);
        return layers();
      },
    };
    const storage = new StorageFigures({ clock, maxAgeMs: 60_000, has: () => true });
    const podCgroup = ({ name }: ServedPod) => name;
    return new PodMeasures({
      runtime: runtime as never,
      cgroups: use(2),
      podCgroup,
      storage,
      rootDir: root,
      wall: () => 0,
    });
  }
  const LIMITED = { containers: [{ name: 'c', resources: { limits: { 'ephemeral-storage': '1' } } }] };

  test('memory and tasks come from the Pods’ cgroups; nobody asks the runtime', async () => {
    cgroup('a', { ...V2, 'pids.current': '4' });
    const measured = measures(async () => []);
    const pods = [served('a'), served('gone')];
    const memory = await measured.of('memory.available', pods);
    expect([...memory.keys()]).toEqual(['a']);
    expect(memory.get('a')?.memory?.workingSetBytes).toBe(700);
    expect((await measured.of('pid.available', pods)).get('a')?.process_stats).toEqual({ process_count: 4 });
    expect(asked).toEqual([]);
  });

  test('disks: layers from the runtime, logs and local volumes walked; what lies elsewhere is not touched', async () => {
    mkdirSync(join(root, 'a/log'), { recursive: true });
    mkdirSync(join(root, 'a/dir'));
    writeFileSync(join(root, 'a/log/0.log'), 'x'.repeat(10_000));
    writeFileSync(join(root, 'a/dir/file'), 'x'.repeat(50_000));
    const touched: string[] = [];
    const volumes = [
      { name: 'dir', emptyDir: {} },
      { name: 'nfs', nfs: { server: 's', path: '/' } },
      { name: 'claim', persistentVolumeClaim: { claimName: 'c' } },
    ];
    const volumePath = (volume: string) => {
      touched.push(volume);
      return join(root, 'a', volume);
    };
    const pod = served('a', { pod: { spec: { containers: [{ name: 'c' }], volumes } }, volumePath });
    const stats = (await measures(async () => [layer('a', 12_345)]).of('nodefs.available', [pod])).get('a');
    const [container] = stats?.containers ?? [];
    expect(container?.rootfs?.usedBytes).toBe(12_345);
    expect(container?.logs?.usedBytes).toBeGreaterThanOrEqual(10_000);
    expect(stats?.volume?.[0]?.usedBytes).toBeGreaterThanOrEqual(50_000);
    expect(stats?.['ephemeral-storage']?.usedBytes).toBeGreaterThanOrEqual(72_345);
    expect(touched).toEqual(['dir']);
  });

  test('only Pods with limits are measured, and layers are asked for only where a container has one', async () => {
    mkdirSync(join(root, 'dir/v'), { recursive: true });
    writeFileSync(join(root, 'dir/v/file'), 'x'.repeat(9_000));
    const volumes = [{ name: 'v', emptyDir: { sizeLimit: '1' } }];
    const pods = [served('none'), served('dir', { pod: { spec: { containers: [{ name: 'c' }], volumes } } })];
    const measured = measures(async () => [layer('whole', 5)]);
    const first = await measured.forLimits(pods);
    expect([[...first.keys()], asked]).toEqual([['dir'], []]);
    expect(first.get('dir')?.volume?.[0]?.usedBytes).toBeGreaterThanOrEqual(9_000);
    const second = await measured.forLimits([...pods, served('whole', { pod: { spec: LIMITED } })]);
    expect([[...second.keys()].sort(), asked.length]).toEqual([['dir', 'whole'], 1]);
    expect(second.get('whole')?.containers[0]?.rootfs?.usedBytes).toBe(5);
  });

  test('without the runtime no sum is told that would be too small; a choice among Pods is refused', async () => {
    const measured = measures(() => Promise.reject(new Error('away')));
    const whole = served('whole', { pod: { spec: LIMITED } });
    const stats = (await measured.forLimits([whole])).get('whole');
    expect(stats).toBeDefined();
    expect(stats).not.toHaveProperty('ephemeral-storage');
    await expect(measured.of('imagefs.available', [whole])).rejects.toThrow('away');
  });

  test('the victim’s containers are told with their memory, or without it when the runtime is away', async () => {
    const stats = { podRef: { name: 'a', namespace: 'ns', uid: 'a' }, startTime: '', containers: [] };
    const found = await measures(async () => [layer('a', 1)]).withContainers(stats, served('a'));
    expect(found.containers[0]?.memory?.workingSetBytes).toBe(77);
    expect(asked).toEqual([{ podSandboxId: 's-a' }]);
    const none = await measures(() => Promise.reject(new Error('away'))).withContainers(stats, served('a'));
    expect(none.containers).toEqual([{ name: 'c', startTime: '' }]);
  });
});
