import type { Psi } from '../shapes.ts';
import type { CpuFigures, MemoryFigures } from './cgroupFigures.ts';
import type { DiskIo } from './diskIo.ts';
import type { InterfaceFigures } from './processFigures.ts';
import type { CgroupReading } from './reading.ts';

/** A value with the labels that it has besides those of its cgroup. */
export interface Value {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** One of cAdvisor's metrics. */
export interface CadvisorFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Settings are not readings: they carry no time. */
  readonly timeless?: boolean;
  values(reading: CgroupReading): readonly Value[];
}

type Kind = CadvisorFamily['type'];
const family = (
  name: string,
  type: Kind,
  help: string,
  values: (r: CgroupReading) => Value[],
  timeless = false,
): CadvisorFamily => ({ name: `container_${name}`, help, type, values, ...(timeless ? { timeless } : {}) });
const one = (value: number | undefined): Value[] => (value === undefined ? [] : [{ value }]);
const seconds = (ns: number) => ns / 1e9;

const cpu = (name: string, help: string, of: (c: CpuFigures) => number) =>
  family(`cpu_${name}`, 'counter', help, ({ figures }) => one(figures.cpu && of(figures.cpu)));

/** Only where there is a quota, as in cAdvisor. */
const throttling = (name: string, help: string, of: (c: CpuFigures) => number) =>
  family(`cpu_cfs_${name}`, 'counter', help, ({ figures }) =>
    figures.cpu?.quota === undefined ? [] : one(of(figures.cpu)),
  );

const memory = (name: string, help: string, of: (m: MemoryFigures) => number, type: Kind = 'gauge') =>
  family(`memory_${name}`, type, help, ({ figures }) => one(figures.memory && of(figures.memory)));

const cpuSetting = (name: string, help: string, of: (c: CpuFigures) => number | undefined) =>
  family(`spec_cpu_${name}`, 'gauge', help, ({ figures }) => one(figures.cpu && of(figures.cpu)), true);

const memorySetting = (name: string, help: string, of: (m: MemoryFigures) => number) =>
  family(`spec_memory_${name}`, 'gauge', help, ({ figures }) => one(figures.memory && of(figures.memory)), true);

const disk = (
  name: string,
  help: string,
  of: (d: CgroupReading['disks'][number]) => number | undefined,
  kind: Kind = 'gauge',
) =>
  family(`fs_${name}`, kind, help, ({ disks }) =>
    disks.flatMap((d) => one(of(d)).map(({ value }) => ({ value, labels: { device: d.device } }))),
  );

/** What the device below a file system did, whoever asked for it. */
const diskWork = (name: string, help: string, of: (io: DiskIo) => number, kind: Kind = 'counter') =>
  disk(name, help, ({ io }) => io && of(io), kind);

const deviceIo = (name: string, help: string, what: 'bytes' | 'operations', operation: 'Read' | 'Write') =>
  family(`fs_${name}`, 'counter', help, ({ figures }) =>
    figures.devices.map((d) => ({ value: d[what][operation] ?? 0, labels: { device: d.name ?? d.device } })),
  );

const network = (name: string, help: string, of: (i: InterfaceFigures) => number) =>
  family(`network_${name}`, 'counter', help, ({ interfaces = [] }) =>
    interfaces.map((i) => ({ value: of(i), labels: { interface: i.name } })),
  );

const pressure = (name: string, help: string, of: (r: CgroupReading) => Psi | undefined, kind: 'full' | 'some') =>
  family(`pressure_${name}_seconds_total`, 'counter', help, (r) => {
    const psi = of(r)?.[kind];
    return one(psi && seconds(psi.total));
  });

const ofCpu = (r: CgroupReading) => r.figures.cpu?.psi;
const ofMemory = (r: CgroupReading) => r.figures.memory?.psi;
const ofIo = (r: CgroupReading) => r.figures.ioPsi;
const processes = (name: string, help: string, of: (r: CgroupReading) => number | undefined) =>
  family(name, 'gauge', help, (r) => one(of(r)));

/** Faults are counted for the whole subtree; cAdvisor shows them under both scopes. */
const faults = ({ figures }: CgroupReading): Value[] =>
  ['container', 'hierarchy'].flatMap((scope) => {
    if (!figures.memory) return [];
    const { pageFaults, majorPageFaults } = figures.memory;
    return [
      { value: pageFaults, labels: { failure_type: 'pgfault', scope } },
      { value: majorPageFaults, labels: { failure_type: 'pgmajfault', scope } },
    ];
  });

/** Bytes of each device by operation. */
const deviceUsage = ({ figures }: CgroupReading): Value[] =>
  figures.devices.flatMap(({ device, name = device, bytes }) => {
    const [major = '', minor = ''] = device.split(':');
    return Object.entries(bytes).map(([operation, value]) => ({
      value,
      labels: { device: name, major, minor, operation },
    }));
  });

const CPU: readonly CadvisorFamily[] = [
  cpu('user_seconds_total', 'CPU time in user mode, in seconds', (c) => seconds(c.user)),
  cpu('system_seconds_total', 'CPU time in the kernel, in seconds', (c) => seconds(c.system)),
  family('cpu_usage_seconds_total', 'counter', 'CPU time, in seconds', ({ figures }) =>
    figures.cpu ? [{ value: seconds(figures.cpu.total), labels: { cpu: 'total' } }] : [],
  ),
  throttling('periods_total', 'Periods of the CPU quota that have passed', (c) => c.periods),
  throttling('throttled_periods_total', 'Periods in which it was throttled', (c) => c.throttledPeriods),
  throttling('throttled_seconds_total', 'Time throttled, in seconds', (c) => seconds(c.throttledNs)),
  throttling('burst_periods_total', 'Periods in which it burst over its quota', (c) => c.burstPeriods),
  throttling('burst_seconds_total', 'Time over its quota, in seconds', (c) => seconds(c.burstNs)),
  cpuSetting('period', 'Period of the CPU quota, in microseconds', (c) => c.period),
  cpuSetting('quota', 'CPU quota, in microseconds', (c) => c.quota),
  cpuSetting('shares', 'CPU shares', (c) => c.shares),
];

const MEMORY: readonly CadvisorFamily[] = [
  memory('cache', 'Page cache, in bytes', (m) => m.cache),
  memory('rss', 'Anonymous memory, in bytes', (m) => m.rss),
  memory('kernel_usage', 'Kernel memory, in bytes', (m) => m.kernel),
  memory('mapped_file', 'Mapped files, in bytes', (m) => m.mapped),
  memory('swap', 'Swap in use, in bytes', (m) => m.swap),
  memory('failcnt', 'Times that the limit was hit', (m) => m.failures, 'counter'),
  memory('usage_bytes', 'Memory in use, in bytes, whenever it was used', (m) => m.usage),
  memory('max_usage_bytes', 'Most memory ever in use, in bytes', (m) => m.maxUsage),
  memory('working_set_bytes', 'Working set, in bytes', (m) => m.workingSet),
  memory('total_active_file_bytes', 'Active file pages, in bytes', (m) => m.activeFile),
  memory('total_inactive_file_bytes', 'Inactive file pages, in bytes', (m) => m.inactiveFile),
  family('memory_failures_total', 'counter', 'Page faults', faults),
  family('oom_events_total', 'counter', 'Processes killed for want of memory', ({ figures }) =>
    one(figures.memory?.oomKills),
  ),
  memorySetting('limit_bytes', 'Memory limit, in bytes; 0 without one', (m) => m.limit),
  memorySetting('swap_limit_bytes', 'Swap limit, in bytes; 0 without one', (m) => m.swapLimit),
  memorySetting('reservation_limit_bytes', 'Memory protected from reclaim, in bytes', (m) => m.reservation),
];

const DISKS: readonly CadvisorFamily[] = [
  disk('inodes_free', 'Inodes that are free', (d) => d.inodesFree),
  disk('inodes_total', 'Inodes', (d) => d.inodes),
  disk('limit_bytes', 'Size of the file system, in bytes', (d) => d.limitBytes),
  disk('usage_bytes', 'Space in use, in bytes', (d) => d.usedBytes),
  diskWork('reads_merged_total', 'Reads that were merged with others', (io) => io.readsMerged),
  diskWork('sector_reads_total', 'Sectors read', (io) => io.sectorsRead),
  diskWork('read_seconds_total', 'Time spent with reads, in seconds', (io) => io.readMs / 1000),
  diskWork('writes_merged_total', 'Writes that were merged with others', (io) => io.writesMerged),
  diskWork('sector_writes_total', 'Sectors written', (io) => io.sectorsWritten),
  diskWork('write_seconds_total', 'Time spent with writes, in seconds', (io) => io.writeMs / 1000),
  diskWork('io_current', 'Requests under way', (io) => io.inProgress, 'gauge'),
  diskWork('io_time_seconds_total', 'Time with requests under way, in seconds', (io) => io.ioMs / 1000),
  diskWork('io_time_weighted_seconds_total', 'The same times the requests', (io) => io.weightedMs / 1000),
  deviceIo('reads_bytes_total', 'Bytes read', 'bytes', 'Read'),
  deviceIo('reads_total', 'Reads', 'operations', 'Read'),
  deviceIo('writes_bytes_total', 'Bytes written', 'bytes', 'Write'),
  deviceIo('writes_total', 'Writes', 'operations', 'Write'),
  family('blkio_device_usage_total', 'counter', 'Bytes by device and operation', deviceUsage),
];

const NETWORK: readonly CadvisorFamily[] = [
  network('receive_bytes_total', 'Bytes received', (i) => i.received[0]),
  network('receive_packets_total', 'Packets received', (i) => i.received[1]),
  network('receive_errors_total', 'Errors while receiving', (i) => i.received[2]),
  network('receive_packets_dropped_total', 'Packets dropped while receiving', (i) => i.received[3]),
  network('transmit_bytes_total', 'Bytes sent', (i) => i.sent[0]),
  network('transmit_packets_total', 'Packets sent', (i) => i.sent[1]),
  network('transmit_errors_total', 'Errors while sending', (i) => i.sent[2]),
  network('transmit_packets_dropped_total', 'Packets dropped while sending', (i) => i.sent[3]),
];

const PROCESSES: readonly CadvisorFamily[] = [
  processes('processes', 'Processes', (r) => r.processes?.processes),
  processes('file_descriptors', 'Open file descriptors', (r) => r.processes?.descriptors),
  processes('sockets', 'Open sockets', (r) => r.processes?.sockets),
  processes('threads', 'Threads', (r) => r.figures.threads),
  processes('threads_max', 'Most threads there may be; 0 without a limit', (r) => r.figures.threadsMax),
  family('ulimits_soft', 'gauge', 'Soft limits of the first process; -1 without one', ({ processes: p }) =>
    p?.maxOpenFiles === undefined ? [] : [{ value: p.maxOpenFiles, labels: { ulimit: 'max_open_files' } }],
  ),
];

const PRESSURE: readonly CadvisorFamily[] = [
  pressure('cpu_stalled', 'Time in which nothing could run for want of CPU', ofCpu, 'full'),
  pressure('cpu_waiting', 'Time in which something waited for a CPU', ofCpu, 'some'),
  pressure('memory_stalled', 'Time in which nothing could run for want of memory', ofMemory, 'full'),
  pressure('memory_waiting', 'Time in which something waited for memory', ofMemory, 'some'),
  pressure('io_stalled', 'Time in which nothing could run for want of I/O', ofIo, 'full'),
  pressure('io_waiting', 'Time in which something waited for I/O', ofIo, 'some'),
];

/** Everything that kubelet 1.36 includes of cAdvisor's metrics and that a kernel counts. */
export const cadvisorFamilies: readonly CadvisorFamily[] = [
  family('last_seen', 'gauge', 'When it was last seen, in seconds since the epoch', ({ atMs }) =>
    one(Math.floor(atMs / 1000)),
  ),
  family(
    'start_time_seconds',
    'gauge',
    'When it began, in seconds since the epoch',
    (r) => one(Math.floor(r.startedMs / 1000)),
    true,
  ),
  ...CPU,
  ...MEMORY,
  ...DISKS,
  ...NETWORK,
  ...PROCESSES,
  ...PRESSURE,
];
