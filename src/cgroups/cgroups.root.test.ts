import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseMountInfo } from '../lib/linux/mountInfo.ts';
import { childPath } from '../lib/linux/pathBytes.ts';
import { PRIVATE_SOCKET, SystemdManager } from '../lib/linux/systemd/manager.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { realCgroupFs } from './cgroupFs.ts';
import type { CgroupManager } from './contract.ts';
import { detectHierarchies, type Hierarchies, hierarchiesV2 } from './hierarchies.ts';
import { createCgroupManager } from './manager.ts';
import { NO_DEMAND } from './rules/qosTiers.ts';
import { sliceProperties } from './rules/systemdProperties.ts';

// Real cgroups of this machine, only below one of our own that is removed afterwards.
const ROOT = `kubelet-ts-test-${process.pid}`;
const isRoot = process.getuid?.() === 0;
const describeAsRoot = isRoot ? describe : describe.skip;
if (!isRoot) console.warn('cgroups.root.test.ts is skipped: it needs root');

const limits = { capacity: { cpu: '4', memory: '1Gi', pid: '1000' }, reserved: [], enforcePods: true };
const pod = (uid: string) =>
  allocatedAsAsked({
    metadata: { name: 'p', uid },
    spec: {
      containers: [
        { name: 'c', image: 'i', resources: { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '64Mi' } } },
      ],
    },
  });

describeAsRoot('real cgroups', () => {
  let hierarchies: Hierarchies;
  let manager: CgroupManager;
  const { signal } = new AbortController();

  beforeAll(async () => {
    hierarchies = await detectHierarchies();
    const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: 50 };
    manager = createCgroupManager({ hierarchies, driver: 'cgroupfs', cgroupRoot: `/${ROOT}`, settings });
    for (const mount of new Set(hierarchies.controllers.values())) await makeRoot(join(mount, ROOT));
    await manager.setUpNode(limits);
  });
  afterAll(async () => {
    await manager.destroy([ROOT], signal);
    for (const mount of hierarchies.mounts) expect(existsSync(join(mount, ROOT))).toBe(false);
  });

  /** cgroupRoot must exist already, with a cpuset that processes can enter. */
  async function makeRoot(path: string): Promise<void> {
    await realCgroupFs.mkdir(path);
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      if (hierarchies.version === 1 && existsSync(join(path, file))) {
        writeFileSync(join(path, file), readFileSync(join(path, '..', file), 'utf8').trim());
      }
    }
  }

  test('the kernel holds what was written', async () => {
    const own = await manager.ensurePod(pod('uid-1'));
    const found = await manager.readLimits(own.name);
    expect(found).toMatchObject({ cpuQuota: 50_000, cpuPeriod: 100_000 });
    // A weight of cgroup v2 is coarser than shares.
    expect(Math.abs(found.cpuShares - 102)).toBeLessThanOrEqual(hierarchies.version === 1 ? 0 : 27);
    if (hierarchies.controllers.has('memory')) expect(found.memory).toBe(64 * 2 ** 20);
    await manager.updateQos({ ...NO_DEMAND, burstableMilliCPU: 700 });
    expect((await manager.readLimits([ROOT, 'kubepods', 'burstable'])).cpuShares).toBeGreaterThan(680);
    expect((await manager.listPods()).map(({ uid }) => uid)).toEqual(['uid-1']);
    await manager.destroy(own.name, signal);
    expect(await manager.listPods()).toEqual([]);
  });

  test('destroy kills processes, those that ignore SIGTERM as well, in nested cgroups', async () => {
    const own = await manager.ensurePod(pod('uid-2'));
    const places = hierarchies.mounts.map((mount) => join(mount, own.path)).filter((path) => existsSync(path));
    const child = spawn('sh', ['-c', 'trap "" TERM; while :; do sleep 1000 & wait; done'], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    for (const place of places) writeFileSync(join(place, 'cgroup.procs'), String(child.pid));
    expect(await manager.pids(own.name)).toContain(child.pid);
    await manager.destroy(own.name, signal);
    expect((await exited)[1]).toBe('SIGKILL');
    for (const place of places) expect(existsSync(place)).toBe(false);
  });

  test('ensure is cheap', async () => {
    const times: number[] = [];
    for (let round = 0; round < 30; round++) {
      const started = performance.now();
      const own = await manager.ensurePod(pod(`uid-t${round}`));
      times.push(performance.now() - started);
      await manager.destroy(own.name, signal);
    }
    const median = times.sort((a, b) => a - b)[15]!;
    console.info(
      `ensurePod: median ${median.toFixed(2)} ms, worst ${times.at(-1)!.toFixed(2)} ms on cgroup v${hierarchies.version}`,
    );
    // The goal is 3 ms on a quiet machine; this bound only catches a change of kind on a loaded, or an emulated one.
    expect(median).toBeLessThan(process.env.KUBELET_TS_EMULATED ? 3000 : 30);
  });
});

/** systemd as PID 1, over its own socket: node hack/vm/vm.ts test runs this in a VM. */
(isRoot && existsSync(PRIVATE_SOCKET) ? describe : describe.skip)('real systemd', () => {
  const root = `kubelettstest${process.pid}`;
  const { signal } = new AbortController();
  const systemd = new SystemdManager();
  let manager: CgroupManager;

  beforeAll(async () => {
    const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: 50 };
    const hierarchies = await detectHierarchies();
    // As with cgroupfs, cgroupRoot itself is the administrator's to make.
    await systemd.startTransientUnit(`${root}.slice`, sliceProperties(`${root}.slice`, hierarchies.version));
    manager = createCgroupManager({ hierarchies, driver: 'systemd', cgroupRoot: `/${root}`, settings, systemd });
    await manager.setUpNode(limits);
  });
  afterAll(async () => {
    for (const name of [['kubepods', 'burstable'], ['kubepods', 'besteffort'], ['kubepods'], []])
      await manager.destroy([root, ...name], signal);
    systemd[Symbol.dispose]();
    expect(existsSync(`/sys/fs/cgroup/${root}.slice`)).toBe(false);
  });

  const show = async (unit: string, property: string): Promise<string> => {
    const child = spawn('systemctl', ['show', '-P', property, unit], { stdio: ['ignore', 'pipe', 'inherit'] });
    return (await child.stdout.setEncoding('utf8').toArray()).join('').trim();
  };

  test('slices carry the limits, in systemd and in the kernel, after a daemon-reload too', async () => {
    const own = await manager.ensurePod(pod('uid-4'));
    const before = await manager.readLimits(own.name);
    expect(before).toMatchObject({ cpuQuota: 50_000, cpuPeriod: 100_000, memory: 64 * 2 ** 20 });
    expect(await show(own.cgroupParent, 'ActiveState')).toBe('active');
    expect(await show(own.cgroupParent, 'MemoryMax')).toBe(String(64 * 2 ** 20));
    expect(await show(own.cgroupParent, 'TasksMax')).toBe('50');
    expect(await show(own.cgroupParent, 'CPUQuotaPerSecUSec')).toBe('500ms');
    await manager.updateQos({ ...NO_DEMAND, burstableMilliCPU: 700 });
    expect(await once(spawn('systemctl', ['daemon-reload']), 'exit')).toEqual([0, null]);
    expect(await manager.readLimits(own.name)).toEqual(before);
    expect((await manager.readLimits([root, 'kubepods', 'burstable'])).cpuShares).toBeGreaterThan(680);
    expect(await manager.ensurePod(pod('uid-4'))).toEqual(own);
    expect((await manager.listPods()).map(({ uid }) => uid)).toEqual(['uid-4']);
    await manager.destroy(own.name, signal);
    expect(await manager.listPods()).toEqual([]);
    expect(await show(own.cgroupParent, 'ActiveState')).toBe('inactive');
  });

  test('destroy kills a process below the slice and leaves no unit', async () => {
    const own = await manager.ensurePod(pod('uid-5'));
    const place = join('/sys/fs/cgroup', own.path, 'container');
    await realCgroupFs.mkdir(place);
    const child = spawn('sh', ['-c', 'trap "" TERM; while :; do sleep 1000 & wait; done'], { stdio: 'ignore' });
    const exited = once(child, 'exit');
    writeFileSync(join(place, 'cgroup.procs'), String(child.pid));
    await manager.destroy(own.name, signal);
    expect((await exited)[1]).toBe('SIGKILL');
    expect(existsSync(join('/sys/fs/cgroup', own.path))).toBe(false);
  });

  test('many at once; what one costs', async () => {
    const pods = Array.from({ length: 20 }, (_, index) => pod(`uid-m${index}`));
    const all = await Promise.all(pods.map((each) => manager.ensurePod(each)));
    expect(new Set(all.map(({ path }) => path)).size).toBe(20);
    const started = performance.now();
    await manager.ensurePod(pod('uid-one'));
    console.info(`ensurePod through systemd: ${(performance.now() - started).toFixed(1)} ms`);
    await Promise.all((await manager.listPods()).map(({ name }) => manager.destroy(name, signal)));
    expect(await manager.listPods()).toEqual([]);
  });
});

/** On machines with both versions the second one's file system is there without controllers: enough for directories and processes. */
describeAsRoot('a bare cgroup v2 tree', () => {
  const mount = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8')).find(
    ({ fsType }) => fsType === 'cgroup2',
  )?.mountPoint;

  (mount ? test : test.skip)('destroy kills and removes below it', async () => {
    const hierarchies = hierarchiesV2(mount!, '', []);
    const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: 50 };
    const manager = createCgroupManager({ hierarchies, driver: 'cgroupfs', cgroupRoot: `/${ROOT}`, settings });
    await realCgroupFs.mkdir(join(mount!, ROOT));
    try {
      await manager.setUpNode(limits);
      const own = await manager.ensurePod(pod('uid-3'));
      const place = join(mount!, own.path, 'container');
      await realCgroupFs.mkdir(place);
      // A container with a cgroup tree of its own names its groups as it likes.
      const odd = childPath(place, Buffer.from('a\xff', 'latin1'));
      mkdirSync(odd);
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      const exited = once(child, 'exit');
      writeFileSync(childPath(odd, Buffer.from('cgroup.procs')), String(child.pid));
      await manager.destroy(own.name, new AbortController().signal);
      expect((await exited)[1]).toBe('SIGKILL');
      expect(existsSync(join(mount!, own.path))).toBe(false);
    } finally {
      await manager.destroy([ROOT], new AbortController().signal);
    }
  });
});
