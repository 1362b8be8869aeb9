import { readdirSync, readFileSync } from 'node:fs';
import { waitFor } from './wait.ts';

/** A process that cannot be mistaken for a later one with the same number. */
export interface ProcessId {
  pid: number;
  /** Start time in clock ticks since boot (field 22 of /proc/PID/stat). */
  start: string;
}

interface Stat {
  state: string;
  start: string;
  threads: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '', threads: Number(fields[17]) };
  } catch {
    return undefined; // the process is gone
  }
}

/** Identifies a running process; undefined when it is gone. */
export function identify(pid: number): ProcessId | undefined {
  const stat = readStat(pid);
  return stat && { pid, start: stat.start };
}

/** True while that very process runs (stopped counts, a zombie does not). While some of its threads are still ending, its ports are not free. */
export function isAlive(id: ProcessId): boolean {
  const stat = readStat(id.pid);
  if (stat?.start !== id.start || stat.state === 'X') return false;
  return stat.state !== 'Z' || stat.threads > 1;
}

/** Sends a signal to that very process; false when it no longer runs. */
export function signal(id: ProcessId, name: NodeJS.Signals): boolean {
  if (!isAlive(id)) return false;
  try {
    process.kill(id.pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Waits until that process is gone. */
export async function waitGone(id: ProcessId, timeout: number): Promise<void> {
  await waitFor(`process ${id.pid} to end`, { timeout, interval: 20 }, () => !isAlive(id));
}

/** The numbers of all processes. */
export function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}
