import { parseMountInfo } from '../../lib/linux/mountInfo.ts';
import { cgroupFigures } from './cgroupFigures.ts';
import { cgroupMounts } from './cgroupMounts.ts';
import { topology } from './machineText.ts';
import { parseInterfaces } from './processFigures.ts';

const reading = (files: Readonly<Record<string, string>>) => (controller: string, file: string) =>
  files[`${controller}/${file}`] ?? '';

const V1 = {
  'cpuacct/cpuacct.usage': '5000000000\n',
  'cpuacct/cpuacct.stat': 'user 300\nsystem 200\n',
  'cpu/cpu.stat': 'nr_periods 10\nnr_throttled 2\nthrottled_time 30000\n',
  'cpu/cpu.shares': '2\n',
  'cpu/cpu.cfs_period_us': '100000\n',
  'cpu/cpu.cfs_quota_us': '50000\n',
  'memory/memory.usage_in_bytes': '1000\n',
  'memory/memory.max_usage_in_bytes': '2000\n',
  'memory/memory.failcnt': '3\n',
  'memory/memory.stat': 'cache 1\nrss 2\ntotal_cache 400\ntotal_rss 500\ntotal_inactive_file 300\ntotal_pgfault 7\n',
  'memory/memory.limit_in_bytes': '80000000\n',
  'memory/memory.soft_limit_in_bytes': '9223372036854771712\n',
  'memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 1\n',
  'pids/pids.current': '4\n',
  'pids/pids.max': 'max\n',
  'blkio/blkio.throttle.io_service_bytes_recursive': '8:0 Read 4096\n8:0 Write 8192\n8:0 Total 12288\nTotal 12288\n',
  'blkio/blkio.throttle.io_serviced': '8:0 Read 1\n8:0 Write 2\n',
};

const V2 = {
  'cpu/cpu.stat':
    'usage_usec 5000000\nuser_usec 3000000\nsystem_usec 2000000\nnr_periods 10\nnr_throttled 2\nthrottled_usec 30\n',
  'cpu/cpu.weight': '1\n',
  'cpu/cpu.max': '50000 100000\n',
  'cpu/cpu.pressure':
    'some avg10=1.00 avg60=0.50 avg300=0.10 total=25\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=5\n',
  'memory/memory.current': '1000\n',
  'memory/memory.peak': '2000\n',
  'memory/memory.stat': 'anon 500\nfile 400\nkernel 50\ninactive_file 300\npgfault 7\n',
  'memory/memory.max': '80000000\n',
  'memory/memory.min': '0\n',
  'memory/memory.swap.max': 'max\n',
  'memory/memory.swap.current': '0\n',
  'memory/memory.events': 'low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n',
  'pids/pids.current': '4\n',
  'pids/pids.max': 'max\n',
  'io/io.stat': '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n',
};

test.each([
  [1, V1],
  [2, V2],
] as const)('cgroup v%d says the same in its own words', (version, files) => {
  const { cpu, memory, threads, threadsMax, devices } = cgroupFigures(version, reading(files));
  expect(cpu).toMatchObject({
    total: 5e9,
    user: 3e9,
    system: 2e9,
    periods: 10,
    throttledPeriods: 2,
    throttledNs: 30_000,
  });
  expect(cpu).toMatchObject({ shares: 2, period: 100_000, quota: 50_000 });
  expect(memory).toMatchObject({ usage: 1000, workingSet: 700, maxUsage: 2000, cache: 400, rss: 500, pageFaults: 7 });
  expect(memory).toMatchObject({ limit: 80_000_000, reservation: 0, swapLimit: 0, oomKills: 1 });
  expect([threads, threadsMax]).toEqual([4, 0]);
  expect(devices[0]).toMatchObject({
    device: '8:0',
    bytes: { Read: 4096, Write: 8192 },
    operations: { Read: 1, Write: 2 },
  });
});

test('pressure only where the kernel has it; no quota where there is none', () => {
  expect(cgroupFigures(1, reading(V1)).cpu?.psi).toBeUndefined();
  const { cpu, ioPsi } = cgroupFigures(2, reading({ ...V2, 'cpu/cpu.max': 'max 100000\n' }));
  expect(cpu?.psi).toMatchObject({ some: { total: 25_000, avg10: 1 }, full: { total: 5000 } });
  expect([cpu?.quota, ioPsi]).toEqual([undefined, undefined]);
});

test('a cgroup that is gone has no figures', () => {
  expect(cgroupFigures(1, () => '')).toEqual({ devices: [], ioPsi: undefined });
  expect(cgroupFigures(2, () => '')).toEqual({ devices: [], ioPsi: undefined });
});

test('controllers are found where they are mounted', () => {
  const line = (at: string, type: string, options: string) => `30 25 0:26 / ${at} rw - ${type} ${type} rw,${options}\n`;
  const v1 = cgroupMounts(
    parseMountInfo(
      line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'cpu,cpuacct') +
        line('/sys/fs/cgroup/memory', 'cgroup', 'memory') +
        line('/far/away/longer/than/the/other/memory', 'cgroup', 'memory') +
        line('/sys/fs/cgroup/unified', 'cgroup2', 'nsdelegate'),
    ),
  );
  expect([v1.version, v1.of('cpuacct'), v1.of('memory'), v1.of('pids')]).toEqual([
    1,
    '/sys/fs/cgroup/cpu,cpuacct',
    '/sys/fs/cgroup/memory',
    undefined,
  ]);
  const v2 = cgroupMounts(parseMountInfo(line('/sys/fs/cgroup', 'cgroup2', 'nsdelegate')));
  expect([v2.version, v2.of('memory')]).toEqual([2, '/sys/fs/cgroup']);
});

test('interfaces as cAdvisor chooses them', () => {
  const head = 'Inter-| Receive | Transmit\n face |bytes packets\n';
  const numbers = '1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0';
  const found = parseInterfaces(`${head}    lo: ${numbers}\n  eth0: ${numbers}\n veth1: ${numbers}\n`);
  expect(found).toEqual([{ name: 'eth0', received: [1, 2, 3, 4], sent: [5, 6, 7, 8] }]);
});

test('cores and sockets', () => {
  const cpu = (socket: number, core: number) => `processor\t: 0\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`;
  expect(topology([cpu(0, 0), cpu(0, 0), cpu(0, 1), cpu(1, 0)].join('\n'))).toEqual({ cores: 3, sockets: 2 });
  expect(topology('processor\t: 0\nBogoMIPS\t: 50\n')).toEqual({ cores: 0, sockets: 0 });
});
