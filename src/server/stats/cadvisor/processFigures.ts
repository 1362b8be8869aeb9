import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface InterfaceFigures {
  readonly name: string;
  readonly received: readonly [bytes: number, packets: number, errors: number, dropped: number];
  readonly sent: readonly [bytes: number, packets: number, errors: number, dropped: number];
}

/** What /proc says of the processes of one cgroup. */
export interface ProcessFigures {
  readonly processes: number;
  readonly descriptors: number;
  readonly sockets: number;
  /** Soft limit of open files of the first process; -1 without a limit, undefined when it is not known. */
  readonly maxOpenFiles: number | undefined;
}

/** Descriptors looked at for each process: one that has more would hold up the node for the sake of a statistic. */
const MAX_LINKS = 512;
/** cAdvisor leaves these out (by the beginning of their names). */
const IGNORED = ['lo', 'veth', 'docker', 'nerdctl'];

/** Reads processes by id. What has ended meanwhile counts nothing. Synchronous: a few microseconds for each descriptor. */
export function processFigures(pids: readonly number[], proc = '/proc'): ProcessFigures {
  let [descriptors, sockets] = [0, 0];
  for (const pid of pids) {
    const names = attempt(() => readdirSync(`${proc}/${pid}/fd`)) ?? [];
    descriptors += names.length;
    for (const name of names.slice(0, MAX_LINKS)) {
      if (attempt(() => readlinkSync(`${proc}/${pid}/fd/${name}`))?.startsWith('socket')) sockets += 1;
    }
  }
  const limits = pids[0] === undefined ? '' : (attempt(() => readFileSync(`${proc}/${pids[0]}/limits`, 'utf8')) ?? '');
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  const maxOpenFiles = soft === undefined ? undefined : soft === 'unlimited' ? -1 : Number(soft);
  return { processes: pids.length, descriptors, sockets, maxOpenFiles };
}

/** The interfaces of a process' network namespace. */
export function interfaceFigures(pid: number | 'self', proc = '/proc'): InterfaceFigures[] {
  return parseInterfaces(attempt(() => readFileSync(`${proc}/${pid}/net/dev`, 'utf8')) ?? '');
}

/** Parses /proc/PID/net/dev: sixteen numbers for each interface, the first eight received. */
export function parseInterfaces(text: string): InterfaceFigures[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [name, ...numbers] = line.replace(':', ' ').trim().split(/\s+/);
      if (!name || numbers.length < 16 || IGNORED.some((prefix) => name.toLowerCase().startsWith(prefix))) return [];
      const at = (i: number) => Number(numbers[i]);
      return [{ name, received: [at(0), at(1), at(2), at(3)], sent: [at(8), at(9), at(10), at(11)] } as const];
    });
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
