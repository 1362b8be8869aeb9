import { join } from 'node:path';
import { type Clock, sleep } from '../lib/clock.ts';
import { KubeletError } from '../lib/errors.ts';
import { errnoCode, ignoring } from '../lib/linux/linuxError.ts';
import { childPath, type PathBytes } from '../lib/linux/pathBytes.ts';
import { settleAll } from '../lib/settleAll.ts';
import type { CgroupHost } from './applyConfig.ts';
import type { CgroupFs } from './cgroupFs.ts';

/** Waits between attempts in milliseconds: a killed process leaves its cgroup when it has exited, mostly at once. */
const WAITS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000];

const PROCS = Buffer.from('cgroup.procs');

/** Removes the cgroup in every hierarchy. Usually the runtime has emptied it and one rmdir each is all. */
export async function destroyCgroup(host: CgroupHost, path: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const places = host.hierarchies.mounts.map((mount) => join(mount, path));
  let left = await remaining(places, (place) => removed(host.fs, place));
  if (left.length > 0) await stopForks(host, path);
  for (const wait of WAITS) {
    if (left.length === 0) return;
    signal.throwIfAborted();
    for (const pid of await pidsBelow(host.fs, left)) killLeftover(host.fs, pid);
    left = await remaining(left, (place) => removedTree(host.fs, place));
    if (left.length > 0) await sleep(clock, wait, signal);
  }
  if (left.length === 0) return;
  const pids = await pidsBelow(host.fs, left);
  const why =
    pids.length > 0 ? `processes ${pids.slice(0, 10).join(', ')} survived SIGKILL` : 'the kernel keeps it busy';
  throw new KubeletError(`cgroup ${path} cannot be removed: ${why}`, { code: 'EBUSY' });
}

/** Kills every process in the cgroup and below it, once; fine if there is none. */
export async function killBelow(host: CgroupHost, path: string): Promise<void> {
  const places = host.hierarchies.mounts.map((mount) => join(mount, path));
  for (const pid of await pidsBelow(host.fs, places)) killLeftover(host.fs, pid);
}

/** Without this a process that keeps forking outruns a list of its PIDs. Best effort: killing works without it in all other cases. */
async function stopForks({ fs, hierarchies }: CgroupHost, path: string): Promise<void> {
  const pids = hierarchies.controllers.get('pids');
  if (pids === undefined) return;
  await ignoring(['ENOENT', 'ENODEV', 'EACCES'], () => fs.write(join(pids, path, 'pids.max'), '0'));
}

/** Processes in these cgroups and all below them, without doubles, sorted. */
export async function pidsBelow(fs: CgroupFs, places: readonly PathBytes[]): Promise<number[]> {
  const found = new Set<number>();
  const visit = async (place: PathBytes): Promise<void> => {
    for (const pid of await pidsIn(fs, place)) found.add(pid);
    for (const child of await fs.children(place)) await visit(childPath(place, child));
  };
  await settleAll(places.map(visit));
  return [...found].sort((a, b) => a - b);
}

async function pidsIn(fs: CgroupFs, place: PathBytes): Promise<number[]> {
  try {
    const text = await fs.read(childPath(place, PROCS));
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map(Number);
  } catch (error) {
    // Gone, going, or a threaded cgroup of v2, whose processes its domain lists.
    if (['ENOENT', 'ENODEV', 'ENOTSUP', 'EOPNOTSUPP'].includes(errnoCode(error) ?? '')) return [];
    throw error;
  }
}

function killLeftover(fs: CgroupFs, pid: number): void {
  // 0 is a process that this PID namespace cannot see, and kill(0) would hit our own process group.
  if (pid > 1 && pid !== process.pid) fs.kill(pid);
}

async function remaining(places: readonly string[], remove: (place: string) => Promise<boolean>): Promise<string[]> {
  const done = await settleAll(places.map(remove));
  return places.filter((_, index) => !done[index]);
}

async function removedTree(fs: CgroupFs, place: PathBytes): Promise<boolean> {
  let empty = true;
  for (const child of await fs.children(place)) empty = (await removedTree(fs, childPath(place, child))) && empty;
  return empty && (await removed(fs, place));
}

/** False while processes or children keep it. */
async function removed(fs: CgroupFs, place: PathBytes): Promise<boolean> {
  try {
    await fs.rmdir(place);
    return true;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw error;
  }
}
