import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LogFile } from './logFile.ts';

/**
 * The files that were begun after one file of a log. They are opened as soon as somebody looks, long before a slow reader comes to
 * them: rotation compresses and removes files meanwhile, and an open one can be read to its end whatever becomes of its name.
 */
export class LogSuccessors implements AsyncDisposable {
  readonly #path: string;
  readonly #max: number;
  readonly #opened: LogFile[] = [];
  #last: bigint;
  #looking: Promise<void> | undefined;
  #again = false;
  #over = false;

  /** `max`: files held open at most (containerLogMaxFiles, so that readers never hold more of a disk than the log itself may). */
  constructor(path: string, first: bigint, max: number) {
    this.#path = path;
    this.#last = first;
    this.#max = Math.max(1, max);
  }

  /** Opens what has been begun since the last look. Resolves when everything up to this call is seen. */
  async look(): Promise<void> {
    this.#again = true;
    // A look that is just ending may have missed this call.
    while (this.#again && !this.#over) {
      this.#looking ??= this.#run().finally(() => {
        this.#looking = undefined;
      });
      await this.#looking;
    }
  }

  /** The next file in the order of writing; the caller ends it. */
  take(): LogFile | undefined {
    return this.#opened.shift();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#looking?.catch(() => undefined);
    for (const file of this.#opened.splice(0)) await file[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#over) {
      this.#again = false;
      for (let next = await this.#open(); next && !this.#over; next = await this.#open()) {
        this.#last = next.inode;
        this.#opened.push(next);
        // Who is so slow loses the oldest of what it has not read, as kubelet's rotation drops the oldest files.
        if (this.#opened.length > this.#max) await this.#opened.shift()?.[Symbol.asyncDispose]();
      }
    }
  }

  async #open(): Promise<LogFile | undefined> {
    const path = await nextFile(this.#path, this.#last);
    if (path === undefined) return undefined;
    try {
      return await LogFile.open(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      this.#again = true; // it moved once more: it is found under its new name
      return undefined;
    }
  }
}

/**
 * The path of the file written after the one with this inode: the next rotated one, or the live one. Undefined while the live file is
 * still that one, or is missing for a moment. Rotated files are named by time, so names sort by age.
 */
async function nextFile(path: string, inode: bigint): Promise<string | undefined> {
  const live = await inodeOf(path);
  if (live === undefined || live === inode) return undefined;
  const prefix = `${basename(path)}.`;
  const names = (await readdir(dirname(path))).filter((n) => n.startsWith(prefix) && /\.\d{8}-\d{6}$/.test(n)).sort();
  for (const [i, name] of names.entries()) {
    if ((await inodeOf(join(dirname(path), name))) !== inode) continue;
    const after = names[i + 1];
    return after === undefined ? path : join(dirname(path), after);
  }
  return path;
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  return stat(path, { bigint: true }).then(
    (info) => info.ino,
    () => undefined,
  );
}
