import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LinuxError } from '../linux/linuxError.ts';
import { type Mounter, MountFlag, type MountRequest } from '../linux/mounter.ts';
import type { MountEntry } from '../linux/mountInfo.ts';
import type { PathBytes } from '../linux/pathBytes.ts';

const ENOENT = 2;
const EINVAL = 22;

/**
 * A mounter for tests without root: keeps a mount table and a record of calls, and mounts nothing. Files written "into" a mount land
 * in the real directory under it and vanish at unmount, as they would with a tmpfs. Bind mounts stay empty.
 */
export class FakeMounter implements Mounter {
  /** Every call, as `mount tmpfs /path size=1` or `unmount /path`. */
  readonly calls: string[] = [];
  /** Asked before each call is carried out; a promise that never settles is a process that died there. */
  before: (call: string) => Promise<void> | void = () => {};
  #entries: MountEntry[] = [];
  #nextId = 1;
  #failures: { match: string; errno: number }[] = [];

  /** The next call whose record contains `match` fails with this errno. */
  failNext(match: string, errno: number): void {
    this.#failures.push({ match, errno });
  }

  async mount(request: MountRequest): Promise<void> {
    const bind = ((request.flags ?? 0) & MountFlag.bind) !== 0;
    const kind = bind ? 'bind' : (request.fsType ?? 'none');
    await this.#record(`mount ${kind} ${request.target} ${request.data ?? ''}`.trim(), 'mount', request.target);
    await this.#exists(request.target, 'mount');
    const id = this.#nextId++;
    const source = this.#entries.findLast((entry) => bind && entry.mountPoint === request.source);
    this.#entries.push({
      id,
      parentId: 0,
      device: source?.device ?? `0:${id}`,
      root: '/',
      mountPoint: request.target,
      mountPath: Buffer.from(request.target),
      options: ['rw'],
      propagation: [],
      fsType: bind ? 'ext4' : (request.fsType ?? 'none'),
      source: request.source,
      superOptions: (request.data ?? 'rw').split(','),
    });
  }

  async unmount(path: PathBytes): Promise<void> {
    const target = path.toString();
    await this.#record(`unmount ${target}`, 'umount2', target);
    await this.#exists(target, 'umount2');
    const at = this.#entries.findLastIndex((entry) => entry.mountPoint === target);
    if (at === -1) throw new LinuxError('umount2', EINVAL, target);
    const [entry] = this.#entries.splice(at, 1);
    if (entry!.fsType !== 'ext4')
      for (const name of await readdir(target)) await rm(join(target, name), { recursive: true });
  }

  async list(at: PathBytes = ''): Promise<readonly MountEntry[]> {
    const below = at.toString();
    return this.#entries.filter(({ mountPoint }) => mountPoint === below || mountPoint.startsWith(`${below}/`));
  }

  async isMountPoint(path: string): Promise<boolean> {
    return this.#entries.some((entry) => entry.mountPoint === path);
  }

  async #record(call: string, syscall: string, path: string): Promise<void> {
    this.calls.push(call);
    await this.before(call);
    const at = this.#failures.findIndex((failure) => call.includes(failure.match));
    if (at === -1) return;
    const [failure] = this.#failures.splice(at, 1);
    throw new LinuxError(syscall, failure!.errno, path);
  }

  async #exists(path: string, syscall: string): Promise<void> {
    await lstat(path).catch(() => {
      throw new LinuxError(syscall, ENOENT, path);
    });
  }
}
