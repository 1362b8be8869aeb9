import { readFile } from 'node:fs/promises';
import { prometheusText } from '../prometheusText.ts';

/** What the machine is, for machine_* and cadvisor_version_info. */
export interface MachineFigures {
  readonly cores: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly machineID: string;
  readonly systemUUID: string;
  readonly bootID: string;
  readonly kernelVersion: string;
  readonly osImage: string;
}

const SCRAPE_ERROR = { name: 'machine_scrape_error', help: '1 if the machine could not be read', type: 'gauge' };
/** Of mainframes and of memory modules with batteries: cAdvisor has them on every machine, and so have dashboards. */
const ALWAYS_NOTHING: readonly (readonly [string, string, readonly Readonly<Record<string, string>>[]])[] = [
  ['cpu_books', 'Books of CPUs; none', [{}]],
  ['cpu_drawers', 'Drawers of CPUs; none', [{}]],
  ['nvm_avg_power_budget_watts', 'Power that non-volatile memory may take; none is looked for', [{}]],
  [
    'nvm_capacity',
    'Non-volatile memory, in bytes; none is looked for',
    [{ mode: 'memory_mode' }, { mode: 'app_direct_mode' }],
  ],
];

/** machine_* under cAdvisor's names and labels. */
export async function machineText(machine: MachineFigures, atMs: number): Promise<string> {
  const labels = { boot_id: machine.bootID, machine_id: machine.machineID, system_uuid: machine.systemUUID };
  const { cores, sockets } = topology(await readFile('/proc/cpuinfo', 'utf8').catch(() => ''));
  const gauge = (name: string, help: string, value: number, each: readonly Readonly<Record<string, string>>[] = [{}]) =>
    prometheusText(
      { name: `machine_${name}`, help, type: 'gauge' },
      each.map((more) => ({ labels: { ...labels, ...more }, value, atMs })),
    );
  const version = { name: 'cadvisor_version_info', help: 'Versions of the system; always 1', type: 'gauge' };
  const versions = {
    cadvisorRevision: '',
    cadvisorVersion: '',
    dockerVersion: '',
    kernelVersion: machine.kernelVersion,
    osVersion: machine.osImage,
  };
  return [
    prometheusText(version, [{ labels: versions, value: 1 }]),
    gauge('cpu_cores', 'Logical CPUs', machine.cores),
    gauge('cpu_physical_cores', 'Cores', cores || machine.cores),
    gauge('cpu_sockets', 'Sockets', sockets || 1),
    gauge('memory_bytes', 'Memory, in bytes', machine.memoryBytes),
    ...ALWAYS_NOTHING.map(([name, help, each]) => gauge(name, help, 0, each)),
    gauge('swap_bytes', 'Swap, in bytes', machine.swapBytes),
    prometheusText(SCRAPE_ERROR, [{ labels: {}, value: 0 }]),
  ].join('');
}

/** Cores and sockets of /proc/cpuinfo; 0 where it does not name them (ARM). */
export function topology(cpuinfo: string): { readonly cores: number; readonly sockets: number } {
  const all = cpuinfo.split('\n\n').map((block) => ({
    socket: /^physical id\s*: (\d+)$/m.exec(block)?.[1],
    core: /^core id\s*: (\d+)$/m.exec(block)?.[1],
  }));
  const known = all.filter((cpu) => cpu.socket !== undefined);
  return {
    cores: new Set(known.map((cpu) => `${cpu.socket}/${cpu.core}`)).size,
    sockets: new Set(known.map((cpu) => cpu.socket)).size,
  };
}
