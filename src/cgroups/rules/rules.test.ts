import { allocatedAsAsked } from '../../pods/rules/allocation.ts';
import type { AllocatedPod, Pod, ResourceRequirements } from '../../types/k8s.ts';
import { controlWrites } from './controlFiles.ts';
import { cpuWeight, sharesOfWeight } from './cpuWeight.ts';
import { hugePageBytes, hugePageName } from './hugePageSize.ts';
import {
  cgroupParent,
  cgroupPath,
  childName,
  nodeCgroup,
  parseCgroup,
  podCgroup,
  podUidOfDirectory,
  qosCgroup,
} from './names.ts';
import { nodeConfig, reservedConfig } from './nodeConfig.ts';
import { podConfig } from './podConfig.ts';
import { UNBOUNDED } from './resourceConfig.ts';

const MI = 2 ** 20;

describe('names', () => {
  const node = nodeCgroup('');
  test.each([
    ['cgroupfs', 'Guaranteed', '/kubepods/poda-b', '/kubepods/poda-b'],
    ['cgroupfs', 'Burstable', '/kubepods/burstable/poda-b', '/kubepods/burstable/poda-b'],
    [
      'systemd',
      'Burstable',
      '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda_b.slice',
      'kubepods-burstable-poda_b.slice',
    ],
    ['systemd', 'Guaranteed', '/kubepods.slice/kubepods-poda_b.slice', 'kubepods-poda_b.slice'],
  ] as const)('%s %s', (driver, qos, path, parent) => {
    const name = podCgroup(node, qos, 'a-b');
    expect(cgroupPath(name, driver)).toBe(path);
    expect(cgroupParent(name, driver)).toBe(parent);
    expect(podUidOfDirectory(path.split('/').at(-1)!, driver)).toBe('a-b');
  });

  test('roots', () => {
    expect(cgroupPath([], 'systemd')).toBe('/');
    expect(cgroupPath([], 'cgroupfs')).toBe('/');
    expect(cgroupPath(nodeCgroup('/machine/x/'), 'cgroupfs')).toBe('/machine/x/kubepods');
    expect(cgroupPath(qosCgroup(nodeCgroup('my-root'), 'BestEffort'), 'systemd')).toBe(
      '/my_root.slice/my_root-kubepods.slice/my_root-kubepods-besteffort.slice',
    );
  });

  test.each([
    ['burstable', 'cgroupfs'],
    ['kubepods-burstable.slice', 'systemd'],
    ['pod', 'cgroupfs'],
    ['cri-containerd-abc.scope', 'systemd'],
    ['poda-b', 'systemd'],
  ] as const)('%s is no Pod with %s', (directory, driver) =>
    expect(podUidOfDirectory(directory, driver)).toBeUndefined(),
  );

  test.each(['../x', 'a/b', 'a_b', '', '.', '..', '-'])('refuses the element %j', (child) =>
    expect(() => childName([], child)).toThrow('cannot be a cgroup name'),
  );

  test.each([
    ['systemd', 'system.slice', ['system']],
    ['systemd', '/runtime.slice/runtime-kube_lets.slice', ['runtime', 'kube-lets']],
    ['systemd', '/', []],
    ['cgroupfs', '/daemons/kube_lets', ['daemons', 'kube_lets']],
  ] as const)('%s: %s of the configuration', (driver, text, name) => {
    expect(parseCgroup(text, driver)).toEqual(name);
    if (name.length > 0 && driver === 'systemd') expect(cgroupPath(name, driver).endsWith(text)).toBe(true);
  });
});

describe('values', () => {
  // getCPUWeight of the Go kubelet at points along the line.
  test.each([
    [2, 1],
    [3, 1],
    [28, 1],
    [29, 2],
    [1024, 39],
    [2048, 79],
    [131_073, 5000],
    [262_143, 9999],
    [262_144, 10_000],
    [999_999, 10_000],
  ])('weight of %d shares is %d', (shares, weight) => expect(cpuWeight(shares)).toBe(weight));

  test('weights never fall as shares grow, and the way back stays within one step', () => {
    let last = 0;
    for (let shares = 2; shares <= 262_144; shares += 37) {
      const weight = cpuWeight(shares);
      expect(weight).toBeGreaterThanOrEqual(last);
      expect(Math.abs(sharesOfWeight(weight) - shares)).toBeLessThanOrEqual(27);
      last = weight;
    }
  });

  test.each([
    [2 * MI, '2MB'],
    [2 ** 30, '1GB'],
    [64 * 1024, '64KB'],
    [512 * MI, '512MB'],
    [0, undefined],
    [1_000_000 * 1024 + 1, undefined],
  ])('page size %d is %s', (bytes, name) => expect(hugePageName(bytes)).toBe(name));

  test('directories of sysfs', () => {
    expect(hugePageBytes('hugepages-2048kB')).toBe(2 * MI);
    expect(hugePageBytes('x')).toBeUndefined();
  });
});

const pod = (containers: ResourceRequirements[], spec: Partial<NonNullable<Pod['spec']>> = {}) =>
  allocatedAsAsked({
    metadata: { name: 'p', uid: 'u' },
    spec: { ...spec, containers: containers.map((resources, index) => ({ name: `c${index}`, image: 'i', resources })) },
  });
const settings = { cpuCFSQuota: true, cpuCFSQuotaPeriod: 100_000, podPidsLimit: -1 };
const both = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
});
const hugePages = new Map();

describe('podConfig', () => {
  test.each<[string, AllocatedPod, object]>([
    ['BestEffort', pod([{}]), { cpuShares: 2 }],
    [
      'Guaranteed',
      pod([both('500m', '64Mi')]),
      { cpuShares: 512, cpuQuota: 50_000, cpuPeriod: 100_000, memory: 64 * MI },
    ],
    ['Burstable without limits', pod([{ requests: { cpu: '250m' } }]), { cpuShares: 256 }],
    [
      'Burstable, only one of two limited',
      pod([{ requests: { cpu: '100m' }, limits: { cpu: '1', memory: '1Mi' } }, {}]),
      { cpuShares: 102 },
    ],
    [
      'Burstable, all limited',
      pod([
        { requests: { cpu: '100m' }, limits: { cpu: '1' } },
        { requests: { cpu: '1m' }, limits: { cpu: '500m', memory: '1Mi' } },
      ]),
      { cpuShares: 103, cpuQuota: 150_000, cpuPeriod: 100_000 },
    ],
    [
      'a quota below a millisecond',
      pod([both('1m', '1Mi')]),
      { cpuShares: 2, cpuQuota: 1000, cpuPeriod: 100_000, memory: MI },
    ],
    [
      'overhead',
      pod([both('1', '64Mi')], { overhead: { cpu: '100m', memory: '16Mi' } }),
      { cpuShares: 1126, cpuQuota: 110_000, cpuPeriod: 100_000, memory: 80 * MI },
    ],
    [
      'Pod level',
      pod([{}, {}], { resources: both('2', '1Gi') }),
      { cpuShares: 2048, cpuQuota: 200_000, cpuPeriod: 100_000, memory: 2 ** 30 },
    ],
  ])('%s', (_, subject, expected) => expect(podConfig(subject, settings)).toEqual({ hugePages, ...expected }));

  test('settings: no quota, exclusive CPUs, PIDs, huge pages', () => {
    const guaranteed = pod([both('1', '1Mi')]);
    expect(podConfig(guaranteed, { ...settings, cpuCFSQuota: false }).cpuQuota).toBe(-1);
    expect(podConfig(guaranteed, settings, true)).toMatchObject({ cpuQuota: -1, cpuPeriod: 100_000 });
    expect(podConfig(guaranteed, { ...settings, cpuCFSQuotaPeriod: 5000 }).cpuQuota).toBe(5000);
    expect(podConfig(guaranteed, { ...settings, podPidsLimit: 9 }).pids).toBe(9);
    expect(podConfig(guaranteed, { ...settings, podPidsLimit: 0 })).not.toHaveProperty('pids');
    const pages = { 'hugepages-2Mi': '4Mi', 'hugepages-1Gi': '1Gi' };
    expect(podConfig(pod([{ requests: { cpu: '1', ...pages }, limits: pages }]), settings).hugePages).toEqual(
      new Map([
        [2 * MI, BigInt(4 * MI)],
        [2 ** 30, 2n ** 30n],
      ]),
    );
  });
});

describe('nodeConfig', () => {
  const capacity = { cpu: '4', memory: '8Gi', pid: '32768', 'hugepages-2Mi': '0', 'ephemeral-storage': '1Ti' };
  const reserved: Record<string, string>[] = [{ cpu: '100m', memory: '1Gi', pid: '1000' }, { memory: '1Gi' }];

  test('leaves out what is reserved, but only when that is enforced', () => {
    expect(nodeConfig({ capacity, reserved, enforcePods: true })).toEqual({
      cpuShares: 3993,
      memory: 6 * 2 ** 30,
      pids: 31_768,
      hugePages: new Map([[2 * MI, 0n]]),
    });
    expect(nodeConfig({ capacity, reserved, enforcePods: false })).toMatchObject({ cpuShares: 4096, memory: 2 ** 33 });
    expect(nodeConfig({ capacity: { cpu: '1' }, reserved: [{ cpu: '2', memory: '1' }], enforcePods: true })).toEqual({
      cpuShares: 2,
    });
  });

  test('compressible only', () => {
    expect(
      reservedConfig(
        new Map([
          ['cpu', 10n ** 9n],
          ['memory', 1n],
        ]),
        true,
      ),
    ).toEqual({ cpuShares: 1024 });
  });
});

describe('controlWrites', () => {
  const config = {
    cpuShares: 1024,
    cpuQuota: 50_000,
    cpuPeriod: 100_000,
    memory: 64 * MI,
    pids: 0,
    hugePages: new Map([[2 * MI, 5n]]),
  };
  const flat = (version: 1 | 2, given: Parameters<typeof controlWrites>[0], sizes: number[] = []) =>
    controlWrites(given, version, sizes).map(({ file, value }) => `${file}=${value}`);

  test('v1', () => {
    expect(flat(1, config, [2 ** 30])).toEqual([
      'cpu.shares=1024',
      'cpu.cfs_period_us=100000',
      'cpu.cfs_quota_us=50000',
      `memory.limit_in_bytes=${64 * MI}`,
      'pids.max=1',
      'hugetlb.2MB.limit_in_bytes=5',
      'hugetlb.2MB.rsvd.limit_in_bytes=5',
      'hugetlb.1GB.limit_in_bytes=0',
      'hugetlb.1GB.rsvd.limit_in_bytes=0',
    ]);
  });

  test('v2', () => {
    expect(flat(2, config)).toEqual([
      'cpu.weight=39',
      'cpu.max=50000 100000',
      `memory.max=${64 * MI}`,
      'pids.max=1',
      'hugetlb.2MB.max=5',
      'hugetlb.2MB.rsvd.max=5',
    ]);
  });

  test.each<[string, 1 | 2, Parameters<typeof controlWrites>[0], string[]]>([
    ['nothing', 1, {}, []],
    ['no CPU limit', 2, { cpuQuota: -1, cpuPeriod: 100_000 }, ['cpu.max=max 100000']],
    ['no CPU limit', 1, { cpuQuota: -1, cpuPeriod: 100_000 }, ['cpu.cfs_period_us=100000', 'cpu.cfs_quota_us=-1']],
    ['zero memory is not a limit', 1, { memory: 0 }, []],
    ['no memory limit', 2, { memory: -1 }, ['memory.max=max']],
    ['no PID limit', 2, { pids: -1 }, ['pids.max=max']],
    [
      'unbounded pages',
      2,
      { hugePages: new Map([[2 ** 30, UNBOUNDED]]) },
      ['hugetlb.1GB.max=4611686018427387904', 'hugetlb.1GB.rsvd.max=4611686018427387904'],
    ],
  ])('%s on v%d', (_, version, given, writes) => expect(flat(version, given)).toEqual(writes));
});
