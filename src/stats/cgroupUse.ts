import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CgroupMounts } from './cadvisor/cgroupMounts.ts';

/** Memory of a cgroup and all below it, in bytes. */
export interface CgroupMemory {
  readonly usage: number;
  /** Without file pages that nobody used lately. */
  readonly workingSet: number;
}

/** v1 writes "no limit" as a number near 2^63, v2 as `max`. */
const UNLIMITED = 2 ** 62;

/** The few numbers of a cgroup that eviction weighs, without a walk. The kernel's files; a cgroup that is gone has none. */
export class CgroupUse {
  readonly #mounts: CgroupMounts;

  constructor(mounts: CgroupMounts) {
    this.#mounts = mounts;
  }

  get version(): 1 | 2 {
    return this.#mounts.version;
  }

  /** Where a control file of the memory controller is; undefined without the controller. */
  memoryFile(path: string, file: string): string | undefined {
    const mount = this.#mounts.of('memory');
    return mount === undefined ? undefined : join(mount, path, file);
  }

  async memory(path: string): Promise<CgroupMemory | undefined> {
    const isV2 = this.#mounts.version === 2;
    const [usage, stat] = await Promise.all([
      this.#number('memory', path, isV2 ? 'memory.current' : 'memory.usage_in_bytes'),
      this.#text('memory', path, 'memory.stat'),
    ]);
    const inactive = (isV2 ? /^inactive_file (\d+)$/m : /^total_inactive_file (\d+)$/m).exec(stat ?? '')?.[1];
    if (usage === undefined || inactive === undefined) return undefined;
    return { usage, workingSet: Math.max(0, usage - Number(inactive)) };
  }

  /** Bytes; undefined without a limit. */
  async memoryLimit(path: string): Promise<number | undefined> {
    const file = this.#mounts.version === 2 ? 'memory.max' : 'memory.limit_in_bytes';
    const limit = await this.#number('memory', path, file);
    return limit === undefined || limit > UNLIMITED ? undefined : limit;
  }

  /** Tasks, which are what the kernel has a limited number of. */
  tasks(path: string): Promise<number | undefined> {
    return this.#number('pids', path, 'pids.current');
  }

  async #number(controller: string, path: string, file: string): Promise<number | undefined> {
    const text = (await this.#text(controller, path, file))?.trim();
    const number = Number(text);
    return text === undefined || text === '' || Number.isNaN(number) ? undefined : number;
  }

  #text(controller: string, path: string, file: string): Promise<string | undefined> {
    const mount = this.#mounts.of(controller);
    if (mount === undefined) return Promise.resolve(undefined);
    return readFile(join(mount, path, file), 'utf8').catch(() => undefined);
  }
}
