import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { allEntries } from '../lib/linux/directoryEntries.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import type { PathBytes } from '../lib/linux/pathBytes.ts';

/** The few calls that cgroups are managed with. Paths are absolute; a privileged container chooses the names of what it makes. */
export interface CgroupFs {
  /** False if it existed. */
  mkdir(path: string): Promise<boolean>;
  read(path: PathBytes): Promise<string>;
  /** Into a control file that exists. */
  write(path: string, value: string): Promise<void>;
  rmdir(path: PathBytes): Promise<void>;
  /** Names of child cgroups; none if the cgroup does not exist. */
  children(path: PathBytes): Promise<Buffer[]>;
  /** SIGKILL. A process that is gone already is fine. */
  kill(pid: number): void;
}

/** The kernel's cgroup file systems, on libuv's threads: making a cgroup may wait for other cgroup changes of the machine. */
export const realCgroupFs: CgroupFs = {
  mkdir: async (path) => {
    try {
      await mkdir(path, 0o755);
      return true;
    } catch (error) {
      if (errnoCode(error) === 'EEXIST') return false;
      throw error;
    }
  },
  read: (path) => readFile(path, 'utf8'),
  // Without O_CREAT a missing control file is ENOENT, not a permission problem. writeFile is one trip to a thread, a FileHandle three.
  write: (path, value) => writeFile(path, value, { flag: 'r+' }),
  rmdir: (path) => rmdir(path),
  children: async (path) => {
    try {
      return (await allEntries(path)).filter((entry) => entry.isDirectory).map((entry) => entry.name);
    } catch (error) {
      // ENODEV: removed between opening and reading.
      if (['ENOENT', 'ENODEV'].includes(errnoCode(error) ?? '')) return [];
      throw error;
    }
  },
  kill: (pid) => {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (errnoCode(error) !== 'ESRCH') throw error;
    }
  },
};
