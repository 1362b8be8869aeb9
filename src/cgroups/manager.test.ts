import { ManualClock } from '../lib/fake/manualClock.ts';
import { parseMountInfo } from '../lib/linux/mountInfo.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { FakeCgroupFs, fakeHierarchies } from './fake/cgroupFs.ts';
import { hierarchiesV1, hierarchiesV2 } from './hierarchies.ts';
import { LatestValue } from './latestValue.ts';
import { createCgroupManager } from './manager.ts';
import { NO_DEMAND, type QosSettings } from './rules/qosTiers.ts';

const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: 100 };
const limits = { capacity: { cpu: '4', memory: '8Gi', pid: '1000' }, reserved: [], enforcePods: true };
const { signal } = new AbortController();
const guaranteed = allocatedAsAsked({
  metadata: { name: 'g', uid: 'uid-g' },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'i',
        resources: { requests: { cpu: '1', memory: '64Mi' }, limits: { cpu: '1', memory: '64Mi' } },
      },
    ],
  },
});
const bestEffort = allocatedAsAsked({
  metadata: { name: 'b', uid: 'uid-b' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});

function setUp(version: 1 | 2, without: readonly string[] = [], qos: QosSettings = { allocatableMemory: 0 }) {
  const hierarchies = fakeHierarchies(version, without);
  const fs = new FakeCgroupFs(hierarchies);
  const clock = new ManualClock();
  const manager = createCgroupManager({ hierarchies, driver: 'cgroupfs', cgroupRoot: '', settings, qos, fs, clock });
  return { fs, clock, manager };
}

/** Lets waits pass until the promise settles. */
async function drive<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => {
    settled = true;
  };
  promise.then(done, done);
  for (let turn = 0; !settled && turn < 1000; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (clock.nextIn !== undefined) clock.advance(clock.nextIn);
  }
  return promise;
}

describe.each([1, 2] as const)('version %d', (version) => {
  test('makes node, QoS and Pod cgroups with their limits, twice the same', async () => {
    const { fs, manager } = setUp(version);
    await manager.setUpNode(limits);
    const own = await manager.ensurePod(guaranteed);
    expect(own).toEqual({
      uid: 'uid-g',
      name: ['kubepods', 'poduid-g'],
      path: '/kubepods/poduid-g',
      cgroupParent: '/kubepods/poduid-g',
    });
    const cpu = version === 1 ? '/cg/cpu,cpuacct' : '/cg';
    const memory = version === 1 ? '/cg/memory' : '/cg';
    expect(await fs.read(`${memory}/kubepods/${version === 1 ? 'memory.limit_in_bytes' : 'memory.max'}`)).toBe(
      String(2 ** 33),
    );
    expect(await manager.readLimits(own.name)).toEqual({
      cpuShares: version === 1 ? 1024 : 998,
      cpuQuota: 100_000,
      cpuPeriod: 100_000,
      memory: 2 ** 26,
    });
    expect(fs.writes).toContain(`${version === 1 ? '/cg/pids' : '/cg'}/kubepods/poduid-g/pids.max=100`);
    expect(fs.writes).toContain(
      version === 1 ? `${cpu}/kubepods/besteffort/cpu.shares=2` : `${cpu}/kubepods/besteffort/cpu.weight=1`,
    );
    if (version === 1) expect(await fs.read('/cg/cpuset/kubepods/poduid-g/cpuset.cpus')).toBe('0-3');
    const before = fs.paths();
    await manager.setUpNode(limits);
    await manager.ensurePod(guaranteed);
    expect(fs.paths()).toEqual(before);
  });

  test('comes back after somebody removed the parents', async () => {
    const { fs, manager } = setUp(version);
    await manager.setUpNode(limits);
    await manager.updateQos({ ...NO_DEMAND, burstableMilliCPU: 500 });
    for (const path of fs.paths().reverse()) await fs.rmdir(path);
    const own = await manager.ensurePod(bestEffort);
    expect(own.path).toBe('/kubepods/besteffort/poduid-b');
    expect((await manager.readLimits(['kubepods', 'burstable'])).cpuShares).toBeGreaterThan(400);
  });

  test('sets the QoS classes anew when somebody else has changed them', async () => {
    const { fs, manager } = setUp(version);
    await manager.setUpNode(limits);
    await manager.refreshQos(); // nothing is known yet
    await manager.updateQos({ ...NO_DEMAND, burstableMilliCPU: 500 });
    const file = version === 1 ? '/cg/cpu,cpuacct/kubepods/burstable/cpu.shares' : '/cg/kubepods/burstable/cpu.weight';
    const before = await fs.read(file);
    await fs.write(file, '2');
    await manager.updateQos({ ...NO_DEMAND, burstableMilliCPU: 500 });
    expect(await fs.read(file)).toBe('2');
    await manager.refreshQos();
    expect(await fs.read(file)).toBe(before);
  });

  test('a class that uses more than is left for it gets no more than that', async () => {
    const { fs, manager } = setUp(version, [], { allocatableMemory: 1000, reservedPercent: 100 });
    await manager.setUpNode(limits);
    const [memory, usage, limit] =
      version === 1 ? ['/cg/memory', 'usage_in_bytes', 'limit_in_bytes'] : ['/cg', 'current', 'max'];
    await fs.write(`${memory}/kubepods/burstable/memory.${usage}`, '950');
    await fs.write(`${memory}/kubepods/besteffort/memory.${usage}`, '10');
    fs.failNext(`burstable/memory.${limit}=700`, 'EBUSY');
    await manager.updateQos({ burstableMilliCPU: 0, guaranteedMemory: 300, burstableMemory: 200 });
    expect(await fs.read(`${memory}/kubepods/burstable/memory.${limit}`)).toBe('950');
    expect(await fs.read(`${memory}/kubepods/besteffort/memory.${limit}`)).toBe('500');
  });

  test('does without controllers that are missing', async () => {
    const { manager } = setUp(version, ['memory', 'hugetlb', 'pids', 'cpuset']);
    await manager.setUpNode(limits);
    const own = await manager.ensurePod(guaranteed);
    expect(await manager.readLimits(own.name)).not.toHaveProperty('memory');
  });

  test('destroys what is there: processes, children, every hierarchy; and nothing; and twice', async () => {
    const { fs, clock, manager } = setUp(version);
    await manager.setUpNode(limits);
    const own = await manager.ensurePod(bestEffort);
    const mount = version === 1 ? '/cg/memory' : '/cg';
    fs.addProcess(`${mount}${own.path}/container/nested`, 41);
    fs.addProcess(`${mount}${own.path}/container`, 40);
    if (version === 1) fs.addProcess(`/cg/systemd${own.path}/other`, 42);
    fs.lingerReads = 7;
    const expected = version === 1 ? [40, 41, 42] : [40, 41];
    expect(await manager.pids(own.name)).toEqual(expected);
    await drive(clock, manager.destroy(own.name, signal));
    expect(fs.paths().filter((path) => path.includes('poduid'))).toEqual([]);
    expect([...new Set(fs.killed)].sort()).toEqual(expected);
    await manager.destroy(own.name, signal);
    await manager.destroy(['kubepods', 'podnever'], signal);
  });

  test('never kills 0, 1 or itself, and says who survives', async () => {
    const { fs, clock, manager } = setUp(version);
    await manager.setUpNode(limits);
    const own = await manager.ensurePod(bestEffort);
    for (const pid of [0, 1, process.pid]) fs.addProcess(`${version === 1 ? '/cg/pids' : '/cg'}${own.path}`, pid);
    const error = await drive(
      clock,
      manager.destroy(own.name, signal).catch((thrown) => thrown),
    );
    expect(error).toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining(`survived SIGKILL`),
    });
    expect(fs.killed).toEqual([]);
  });

  test('lists Pods of all classes, also those in one hierarchy only', async () => {
    const { fs, manager } = setUp(version);
    await manager.setUpNode(limits);
    await manager.ensurePod(guaranteed);
    fs.addProcess(`${version === 1 ? '/cg/pids' : '/cg'}/kubepods/burstable/podorphan`, 9);
    expect((await manager.listPods()).map(({ uid, path }) => `${uid} ${path}`)).toEqual([
      'orphan /kubepods/burstable/podorphan',
      'uid-g /kubepods/poduid-g',
    ]);
  });

  test('a memory limit below what is used is an error that names the file', async () => {
    const { fs, manager } = setUp(version);
    fs.failNext(version === 1 ? 'memory.limit_in_bytes' : 'memory.max', 'EBUSY');
    await expect(manager.setUpNode(limits)).rejects.toMatchObject({
      code: 'EBUSY',
      message: expect.stringContaining('more than that is in use'),
    });
    await manager.setUpNode(limits);
  });
});

test('v1: a Pod has directories only in hierarchies whose limits are set', async () => {
  const { fs, manager } = setUp(1);
  await manager.setUpNode(limits);
  await manager.ensurePod(guaranteed);
  const { controllers, mounts } = fakeHierarchies(1);
  const limited = new Set(controllers.values());
  const others = mounts.filter((mount) => !limited.has(mount));
  expect(others.length).toBeGreaterThan(0);
  for (const mount of others) expect(fs.paths().filter((path) => path.startsWith(`${mount}/`))).toEqual([]);
});

test('v1: a period that is refused before the quota is written after it', async () => {
  const { fs, manager } = setUp(1);
  await manager.setUpNode(limits);
  fs.failNext('cfs_period_us', 'EINVAL');
  await manager.ensurePod(guaranteed);
  expect(fs.writes.filter((write) => write.includes('poduid-g/cpu.cfs'))).toEqual([
    '/cg/cpu,cpuacct/kubepods/poduid-g/cpu.cfs_quota_us=100000',
    '/cg/cpu,cpuacct/kubepods/poduid-g/cpu.cfs_period_us=100000',
  ]);
});

test('v1: a period that is refused both times is an error', async () => {
  const { fs, manager } = setUp(1);
  await manager.setUpNode(limits);
  fs.failNext('cfs_period_us', 'EINVAL');
  fs.failNext('cfs_period_us', 'EINVAL');
  await expect(manager.ensurePod(guaranteed)).rejects.toMatchObject({ code: 'EINVAL' });
});

test('v2: a root with processes is explained', async () => {
  const { fs, manager } = setUp(2);
  fs.failNext('/cg/cgroup.subtree_control', 'EBUSY');
  await expect(manager.setUpNode(limits)).rejects.toThrow('it has processes of its own');
});

test('reduceCpu touches the weight only', async () => {
  const { fs, manager } = setUp(1);
  await manager.setUpNode(limits);
  const own = await manager.ensurePod(guaranteed);
  fs.writes.length = 0;
  await manager.reduceCpu(own.name);
  expect(fs.writes).toEqual(['/cg/cpu,cpuacct/kubepods/poduid-g/cpu.shares=2']);
});

describe('LatestValue', () => {
  test('drops equal values and those that were overtaken', async () => {
    const written: number[] = [];
    const latest = new LatestValue<number>(async (value) => {
      await new Promise((resolve) => setImmediate(resolve));
      written.push(value);
    });
    await Promise.all([latest.set(1), latest.set(2)]);
    const slow = latest.set(3);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.all([slow, latest.set(4), latest.set(5)]);
    await latest.set(5);
    expect(written).toEqual([2, 3, 5]);
  });

  test('writes again after a failure', async () => {
    let fail = true;
    const written: number[] = [];
    const latest = new LatestValue<number>(async (value) => {
      if (fail) throw new Error('no');
      written.push(value);
    });
    await expect(latest.set(1)).rejects.toThrow('no');
    fail = false;
    await latest.set(1);
    expect(written).toEqual([1]);
    // What was in force before a failure may not be any more: it is written again too.
    fail = true;
    await expect(latest.set(2)).rejects.toThrow('no');
    fail = false;
    await latest.set(1);
    expect(written).toEqual([1, 1]);
  });
});

describe('detection', () => {
  const mountInfo = parseMountInfo(
    [
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw',
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:1 - cgroup cgroup rw,cpu,cpuacct',
      '33 31 0:30 / /a/much/longer/way/to/get/to/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
      '34 31 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '35 31 0:32 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids',
      '36 31 0:33 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
      '37 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    ].join('\n'),
  );
  const procCgroups = '#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t4\t33\t0\npids\t8\t1\t1\n';

  test('v1: co-mounted, mounted twice, disabled, named, unified beside them', () => {
    const found = hierarchiesV1(mountInfo, procCgroups, []);
    expect([...found.controllers]).toEqual([
      ['pids', '/sys/fs/cgroup/pids'],
      ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
      ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct'],
    ]);
    expect([...found.mounts].sort()).toEqual(
      ['cpu,cpuacct', 'memory', 'pids', 'systemd', 'unified'].map((name) => `/sys/fs/cgroup/${name}`),
    );
    expect(() => hierarchiesV1([], '', [])).toThrow('no cgroup file system');
  });

  test('v2', () => {
    const found = hierarchiesV2('/sys/fs/cgroup', 'cpuset cpu io memory pids rdma\n', [2 ** 21]);
    expect([...found.controllers.keys()]).toEqual(['cpu', 'cpuset', 'memory', 'pids']);
  });
});
