import { type Dir, opendirSync, readFileSync, readlinkSync, statfsSync, statSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';

export interface InterfaceFigures {
  readonly name: string;
  readonly received: readonly [bytes: number, packets: number, errors: number, dropped: number];
  readonly sent: readonly [bytes: number, packets: number, errors: number, dropped: number];
}

/** What /proc says of the processes of one cgroup. */
export interface ProcessFigures {
  readonly processes: number;
  /** With more than 65,536 and a kernel older than 6.2, no less than this many. */
  readonly descriptors: number;
  /** Of the descriptors that were looked at: 512 of each process, 4,096 of all. */
  readonly sockets: number;
  /** Soft limit of open files of the first process; -1 without a limit, undefined when it is not known. */
  readonly maxOpenFiles: number | undefined;
}

/** Descriptors looked at for each process and for all: more would take the node's time for the sake of a statistic. */
const MAX_LINKS = { each: 512, all: 4096 };
/** Names of descriptors read for all processes, where the kernel does not say how many there are. */
const MAX_NAMES = 65_536;
/** System calls and names, 5 to 20 µs each, between two turns of the event loop. */
const STEPS_A_TURN = 128;
const PROC_SUPER_MAGIC = 0x9fa0;
/** cAdvisor leaves these out (by the beginning of their names). */
const IGNORED = ['lo', 'veth', 'docker', 'nerdctl'];

/**
 * Reads processes by id, in turns of one or two milliseconds. What has ended meanwhile counts nothing. What a Pod can make large is
 * bounded: past 4,096 links descriptors are only counted, and `sockets` is the number among those looked at.
 */
export async function processFigures(pids: readonly number[], proc = '/proc'): Promise<ProcessFigures> {
  const count = new DescriptorCount(proc);
  let steps = 0;
  for (const pid of pids) {
    for (const cost of count.add(pid)) {
      steps += cost;
      if (steps < STEPS_A_TURN) continue;
      steps = 0;
      await nextTurn();
    }
  }
  const limits = pids[0] === undefined ? '' : (attempt(() => readFileSync(`${proc}/${pids[0]}/limits`, 'utf8')) ?? '');
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  const maxOpenFiles = soft === undefined ? undefined : soft === 'unlimited' ? -1 : Number(soft);
  return { processes: pids.length, descriptors: count.descriptors, sockets: count.sockets, maxOpenFiles };
}

/** Descriptors of processes, counted within the limits. */
class DescriptorCount {
  readonly #proc: string;
  readonly #real: boolean;
  #links = MAX_LINKS.all;
  #names = MAX_NAMES;
  descriptors = 0;
  sockets = 0;

  constructor(proc: string) {
    this.#proc = proc;
    this.#real = attempt(() => statfsSync(proc))?.type === PROC_SUPER_MAGIC;
  }

  /** Adds a process' descriptors; yields what each piece of the work has cost, in steps. */
  *add(pid: number): Generator<number> {
    const path = `${this.#proc}/${pid}/fd`;
    // Since 6.2 the kernel says how many there are as the directory's size.
    const said = this.#real ? (attempt(() => statSync(path).size) ?? 0) : 0;
    this.descriptors += said;
    yield 1;
    let links = Math.min(MAX_LINKS.each, this.#links);
    if (links === 0 && (said > 0 || this.#names === 0)) return;
    const dir = attempt(() => opendirSync(path));
    if (!dir) return;
    yield 4;
    try {
      for (const name of this.#read(dir, said > 0)) {
        if (links > 0) {
          links -= 1;
          this.#links -= 1;
          if (attempt(() => readlinkSync(`${path}/${name}`))?.startsWith('socket')) this.sockets += 1;
        } else if (said > 0) return;
        yield 2;
      }
    } finally {
      dir.closeSync();
    }
  }

  /** Names of descriptors, counted as they come unless their number is known. */
  *#read(dir: Dir, counted: boolean): Generator<string> {
    while (counted || this.#names > 0) {
      const name = attempt(() => dir.readSync())?.name;
      if (name === undefined) return;
      if (!counted) {
        this.#names -= 1;
        this.descriptors += 1;
      }
      yield name;
    }
  }
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
