import type { NodeEvent } from '../../../events/event.ts';

/** One record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg of the kernel). */
export interface KernelRecord {
  readonly sequence: number;
  readonly message: string;
}

/** A process that the kernel killed for want of memory. `where`: the cgroup whose limit it was; `/` for the machine's memory. */
export interface OomKill {
  readonly where: string;
  readonly process: string;
  readonly pid: number;
}

/** What has been read of a report of the kernel that is not over yet. */
export interface OpenReport {
  readonly where: string;
}

/** Longer ones are cut: nothing that is looked for stands further on. */
export const MAX_RECORD = 8192;

/** A line of /dev/kmsg; undefined for one that continues a record. */
export function parseRecord(line: string): KernelRecord | undefined {
  const found = /^\d+,(\d+),\d+,[^;]*;/.exec(line);
  return found ? { sequence: Number(found[1]), message: line.slice(found[0].length) } : undefined;
}

const KILLED = /Killed process (\d+) \((.+)\)/;
const LIMIT_OF = /Task in .* killed as a result of limit of (.*)/;

/** Takes the next message of the kernel's log. A report begins with "invoked oom-killer:" and ends with the process that was killed. */
export function readReport(
  open: OpenReport | undefined,
  message: string,
): { readonly open?: OpenReport; readonly kill?: OomKill } {
  if (!open) return message.includes('invoked oom-killer:') ? { open: { where: '/' } } : {};
  const kill = readKill(message);
  if (kill) return { kill };
  const killed = KILLED.exec(message);
  if (killed) return { kill: { where: open.where, process: killed[2] ?? '', pid: Number(killed[1]) } };
  const limit = LIMIT_OF.exec(message);
  return { open: limit?.[1] === undefined ? open : { where: limit[1] } };
}

/**
 * Since Linux 5.0 one line tells it all: `oom-kill:constraint=…,nodemask=…,cpuset=…,mems_allowed=…,oom_memcg=… (or global_oom),task_memcg=…,
 * task=…,pid=…,uid=…`. The name of the task, which its program chooses, stands after the cgroups, so their first mention is the kernel's.
 */
function readKill(message: string): OomKill | undefined {
  const start = message.indexOf('oom-kill:constraint=');
  const of = message.indexOf(',task_memcg=', start);
  const task = message.indexOf(',task=', of);
  const end = /,pid=(\d{1,10}),uid=\d{1,10}\s*$/.exec(message.slice(-64));
  if (start < 0 || of < 0 || task < 0 || !end) return undefined;
  const process = message.slice(task + 6, message.length - 64 > 0 ? message.length - 64 + end.index : end.index);
  const limit = message.indexOf(',oom_memcg=', start);
  const where = limit < 0 || limit > of ? '/' : message.slice(limit + 11, of);
  return { where, process, pid: Number(end[1]) };
}

/** The Event of a kill for want of the machine's memory; undefined for those within a limit, which are containers' own affair. */
export function systemOomEvent({ where, process, pid }: OomKill): NodeEvent | undefined {
  if (where !== '/') return undefined;
  const victim = process !== '' && pid !== 0 ? `, victim process: ${process}, pid: ${pid}` : '';
  return { type: 'Warning', reason: 'SystemOOM', message: `System OOM encountered${victim}` };
}
