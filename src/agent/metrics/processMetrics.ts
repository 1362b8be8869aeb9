import { readdir, readFile } from 'node:fs/promises';

const START_SECONDS = (Date.now() - performance.now()) / 1000;

/** process_* as Prometheus' client libraries give them, read at the scrape: nothing is sampled in between. */
export async function processText(): Promise<string> {
  const [fds, limits, stat] = await Promise.all([
    readdir('/proc/self/fd').then(
      (names) => names.length,
      () => 0,
    ),
    readFile('/proc/self/limits', 'utf8').catch(() => ''),
    readFile('/proc/self/stat', 'utf8').catch(() => ''),
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
  ].join('');
}

/** When the process was started: by it scrapers see a restart. */
export function startTimeText(): string {
  return metric(
    'process_start_time_seconds',
    'gauge',
    'Start of the process, in seconds since the epoch',
    START_SECONDS,
  );
}

function metric(name: string, type: string, help: string, value: number): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`;
}
