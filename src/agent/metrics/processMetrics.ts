import { readdir, readFile } from 'node:fs/promises';

const START_SECONDS = (Date.now() - performance.now()) / 1000;

/** process_* as Prometheus' client libraries give them, read at the scrape: nothing is sampled in between. */
export async function processText(): Promise<string> {
  const [fds, limits, stat, net] = await Promise.all([
    readdir('/proc/self/fd').then(
      (names) => names.length,
      () => 0,
    ),
    readFile('/proc/self/limits', 'utf8').catch(() => ''),
    readFile('/proc/self/stat', 'utf8').catch(() => ''),
    readFile('/proc/self/net/netstat', 'utf8').catch(() => ''),
  ]);
  const { user, system } = process.cpuUsage();
  const maxFds = /^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? '0';
  const virtual = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[20] ?? '0';
  return [
    metric('process_cpu_seconds_total', 'counter', 'CPU time used, in seconds', (user + system) / 1e6),
    metric('process_max_fds', 'gauge', 'Most file descriptors there may be', Number(maxFds)),
    metric('process_open_fds', 'gauge', 'Open file descriptors', fds),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory', process.memoryUsage.rss()),
    startTimeText(),
    metric('process_virtual_memory_bytes', 'gauge', 'Virtual memory', Number(virtual)),
    metric('process_virtual_memory_max_bytes', 'gauge', 'Most virtual memory there may be', mostMemory(limits)),
    metric('process_network_receive_bytes_total', 'counter', 'Bytes received in its network', octets(net, 'InOctets')),
    metric('process_network_transmit_bytes_total', 'counter', 'Bytes sent in its network', octets(net, 'OutOctets')),
  ].join('');
}

/** When the process was started: by it scrapers see a restart. `stability`: how the help text begins on the pages that say so. */
export function startTimeText(stability = ''): string {
  return metric(
    'process_start_time_seconds',
    'gauge',
    `${stability}Start of the process, in seconds since the epoch`,
    START_SECONDS,
  );
}

/** The limit of address space; none is the largest number of 64 bits, as client libraries have it. */
function mostMemory(limits: string): number {
  const [, most = '0'] = /^Max address space\s+(\S+)/m.exec(limits) ?? [];
  return most === 'unlimited' ? 2 ** 64 : Number(most);
}

/** A field of IpExt in /proc/net/netstat, whose lines come in pairs: names, then values. */
function octets(netstat: string, field: string): number {
  const [names = [], values = []] = netstat.split('\n').flatMap((l) => (l.startsWith('IpExt:') ? [l.split(' ')] : []));
  return Number(values[names.indexOf(field)] ?? 0);
}

function metric(name: string, type: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
