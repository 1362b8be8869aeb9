import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { say } from './log.ts';
import { identify, isAlive, type ProcessId } from './processes.ts';
import { waitFor } from './wait.ts';

function owner(file: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessId;
  } catch {
    return undefined;
  }
}

function take(file: string): boolean {
  try {
    writeFileSync(file, JSON.stringify(identify(process.pid)), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

/**
 * Runs `work` while holding a lock file. A lock whose owner no longer runs is taken over; waiting for a live owner is
 * said once and lasts at most `timeout` ms.
 */
export async function withLock<T>(file: string, timeout: number, work: () => Promise<T>): Promise<T> {
  mkdirSync(path.dirname(file), { recursive: true });
  let said = false;
  let unreadable = 0;
  await waitFor(`the lock ${file}`, { timeout, interval: 200 }, () => {
    if (take(file)) return true;
    const id = owner(file);
    // A file without an owner is one being written this instant, or the rest of a crash in that instant.
    if (id ? !isAlive(id) : ++unreadable > 5) {
      rmSync(file, { force: true });
      return take(file);
    }
    if (id && !said) say(`waiting for process ${id.pid}, which holds ${file}`);
    said ||= id !== undefined;
    return false;
  });
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
