import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeSystemd } from '../lib/linux/systemd/fake/systemd.ts';
import { SystemdManager } from '../lib/linux/systemd/manager.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { FakeCgroupFs, fakeHierarchies } from './fake/cgroupFs.ts';
import { createCgroupManager } from './manager.ts';
import { NO_DEMAND } from './rules/qosTiers.ts';
import { limitProperties, roundedQuota, sliceProperties } from './rules/systemdProperties.ts';

const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: 100 };
const limits = { capacity: { cpu: '4', memory: '8Gi', pid: '1000' }, reserved: [], enforcePods: true };
const { signal } = new AbortController();
const burstable = allocatedAsAsked({
  metadata: { name: 'b', uid: 'a-1' },
  spec: {
    containers: [
      { name: 'c', image: 'i', resources: { requests: { cpu: '100m' }, limits: { cpu: '255m', memory: '64Mi' } } },
    ],
  },
});
const SLICE = 'kubepods-burstable-poda_1.slice';
const PATH = `/kubepods.slice/kubepods-burstable.slice/${SLICE}`;

/** Where systemd puts a slice. */
function pathOf(unit: string): string {
  const parts = unit.slice(0, -'.slice'.length).split('-');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('-')}.slice`).join('');
}

describe('the systemd driver', () => {
  const directory = mkdtempSync(join(tmpdir(), 'slices-'));
  const sockets = { direct: join(directory, 'private'), bus: join(directory, 'bus') };
  const hierarchies = fakeHierarchies(2);
  let fs: FakeCgroupFs;
  let systemd: FakeSystemd;
  let client: SystemdManager;

  beforeEach(async () => {
    fs = new FakeCgroupFs(hierarchies);
    systemd = await FakeSystemd.listen(sockets.direct);
    systemd.onStart = async (unit) => void (await fs.mkdir(`/cg${pathOf(unit)}`));
    systemd.onStop = (unit) => fs.rmdir(`/cg${pathOf(unit)}`).catch(() => {});
    client = new SystemdManager(sockets);
  });
  afterEach(async () => {
    client[Symbol.dispose]();
    await systemd[Symbol.asyncDispose]();
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const manager = () =>
    createCgroupManager({ hierarchies, driver: 'systemd', cgroupRoot: '', settings, fs, systemd: client });

  test('makes every cgroup by systemd, with the limits that it knows, and writes the same ones and the others', async () => {
    const own = manager();
    await own.setUpNode(limits);
    const pod = await own.ensurePod(burstable);
    expect(pod).toEqual({
      uid: 'a-1',
      name: ['kubepods', 'burstable', 'poda-1'],
      path: PATH,
      cgroupParent: SLICE,
    });
    const slices = ['kubepods.slice', 'kubepods-burstable.slice', 'kubepods-besteffort.slice', SLICE];
    expect([...systemd.units.keys()]).toEqual(slices);
    const properties = systemd.units.get(SLICE)!.properties;
    expect(properties.get('Wants')?.value).toEqual(['kubepods-burstable.slice']);
    expect(properties.get('MemoryMax')?.value).toBe(64n * 2n ** 20n);
    expect(properties.get('TasksMax')?.value).toBe(100n);
    expect(properties.get('CPUQuotaPerSecUSec')?.value).toBe(260_000n);
    expect(await own.readLimits(pod.name)).toMatchObject({
      cpuQuota: 26_000,
      cpuPeriod: 100_000,
      memory: 64 * 2 ** 20,
    });
    expect(fs.writes).toContain(`/cg${PATH}/hugetlb.2MB.max=0`);
    expect((await own.listPods()).map(({ uid }) => uid)).toEqual(['a-1']);
  });

  test('after a restart existing slices get the limits of today', async () => {
    await manager().setUpNode(limits);
    await manager().ensurePod(burstable);
    const more = structuredClone(burstable);
    Object.assign(more.spec!.containers[0]!.resources!.limits!, { memory: '128Mi' });
    const next = manager();
    await next.setUpNode(limits);
    await next.ensurePod(more);
    expect(systemd.units.get(SLICE)!.properties.get('MemoryMax')?.value).toBe(128n * 2n ** 20n);
    expect(systemd.calls.filter((call) => call === `StartTransientUnit ${SLICE}`)).toHaveLength(2);
  });

  test('a change reaches systemd as well as the files, or the next daemon-reload would take it back', async () => {
    const own = manager();
    await own.setUpNode(limits);
    await own.updateQos({ ...NO_DEMAND, burstableMilliCPU: 700 });
    const weight = systemd.units.get('kubepods-burstable.slice')!.properties.get('CPUWeight')?.value;
    expect(fs.writes).toContain(`/cg/kubepods.slice/kubepods-burstable.slice/cpu.weight=${weight}`);
    await own.reduceCpu(['kubepods', 'besteffort']);
    expect(systemd.units.get('kubepods-besteffort.slice')!.properties.get('CPUWeight')?.value).toBe(1n);
  });

  test('destroy kills first, then stops the slice, then sweeps; twice is fine', async () => {
    const own = manager();
    await own.setUpNode(limits);
    const pod = await own.ensurePod(burstable);
    fs.addProcess(`/cg${PATH}/cri-containerd-1.scope`, 4711);
    const killedBeforeStop: number[] = [];
    systemd.onStop = async () => void killedBeforeStop.push(...fs.killed);
    await own.destroy(pod.name, signal);
    expect(killedBeforeStop).toEqual([4711]);
    expect(fs.paths().filter((path) => path.includes('poda_1'))).toEqual([]);
    expect(systemd.units.has(SLICE)).toBe(false);
    await own.destroy(pod.name, signal);
  });

  test('controllers that systemd took away from the children are given back', async () => {
    const own = manager();
    await own.setUpNode(limits);
    await fs.write('/cg/kubepods.slice/kubepods-burstable.slice/cgroup.subtree_control', '+cpu +memory +pids');
    await own.ensurePod(burstable);
    expect(fs.writes.filter((write) => write.includes('subtree_control')).at(-1)).toContain('+hugetlb');
  });
});

describe('properties', () => {
  test.each([
    [
      { cpuQuota: -1, cpuPeriod: 100_000 },
      { CPUQuotaPerSecUSec: 2n ** 64n - 1n, CPUQuotaPeriodUSec: 100_000n },
    ],
    [
      { cpuQuota: 1500, cpuPeriod: 100_000 },
      { CPUQuotaPerSecUSec: 20_000n, CPUQuotaPeriodUSec: 100_000n },
    ],
    [
      { cpuQuota: 20_000, cpuPeriod: 10_000 },
      { CPUQuotaPerSecUSec: 2_000_000n, CPUQuotaPeriodUSec: 10_000n },
    ],
    [
      { cpuShares: 2, pids: 0 },
      { CPUWeight: 1n, TasksMax: 1n },
    ],
    [{ memory: 0, pids: -1 }, { TasksMax: 2n ** 64n - 1n }],
    [{}, {}],
  ])('%p on version 2', (config, expected) => {
    const properties = Object.entries(limitProperties(config, 2, 257)).map(([name, { value }]) => [name, value]);
    expect(Object.fromEntries(properties)).toEqual(expected);
  });

  test('the quota in the file is the one that systemd keeps', () => {
    for (const cpuPeriod of [1000, 33_333, 100_000, 1_000_000]) {
      for (const cpuQuota of [1000, 1001, 25_000, 25_500, 50_500, 123_457, 4_000_000]) {
        const rounded = roundedQuota({ cpuQuota, cpuPeriod, memory: 7 });
        expect(rounded.memory).toBe(7);
        expect(rounded.cpuQuota).toBeGreaterThanOrEqual(cpuQuota);
        // A step is 1 % of a period.
        expect(rounded.cpuQuota).toBeLessThan(cpuQuota + cpuPeriod / 100);
        expect(limitProperties(rounded, 2, 257)).toEqual(limitProperties({ cpuQuota, cpuPeriod, memory: 7 }, 2, 257));
      }
    }
    expect(roundedQuota({ cpuQuota: 50_500, cpuPeriod: 100_000 }).cpuQuota).toBe(51_000);
    for (const same of [{ cpuQuota: -1, cpuPeriod: 100_000 }, { cpuShares: 5 }, {}])
      expect(roundedQuota(same)).toBe(same);
  });

  test('systemd 239, of RHEL 8, does not know the period: it would refuse everything with it', () => {
    expect(Object.keys(limitProperties({ cpuQuota: 50_000, cpuPeriod: 100_000 }, 2, 239))).toEqual([
      'CPUQuotaPerSecUSec',
    ]);
  });

  test('version 1 has names of its own', () => {
    expect(Object.keys(limitProperties({ cpuShares: 102, memory: 5 }, 1, 257))).toEqual(['CPUShares', 'MemoryLimit']);
    expect(Object.keys(sliceProperties('kubepods.slice', 1))).toContain('BlockIOAccounting');
    expect(sliceProperties('kubepods.slice', 2).Wants).toBeUndefined();
  });
});
