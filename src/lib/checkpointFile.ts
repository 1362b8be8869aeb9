// State that must survive a restart, one value a file: written whole, and refused when it does not fit.
import { rm } from 'node:fs/promises';
import { errorMessage, KubeletError } from './errors.ts';
import { readBoundedIfThere } from './readBounded.ts';
import { writeAtomically } from './writeAtomically.ts';

/** How a value is written down. */
export interface CheckpointFormat<T> {
  /** What the file holds, as sentences name it: `CPU manager state`. */
  readonly what: string;
  /** The whole text, with its version and checksum. */
  encode(value: T): string;
  /** Throws with what does not fit (version, checksum, shape); never guesses. */
  decode(text: string): T;
}

/** A checkpoint that is there and cannot be used. Nothing was changed. */
export class CheckpointError extends KubeletError {
  constructor(what: string, path: string, problem: string, cause?: unknown) {
    super(
      `the ${what} in "${path}" cannot be used: ${problem}; if nothing on the node depends on it any more, remove the file and start again`,
      { code: 'CheckpointUnusable', cause },
    );
  }
}

export interface CheckpointFileOptions {
  /** Default: 0o600. */
  readonly mode?: number;
  /** A longer file is refused unread. Default: 64 MiB. */
  readonly maxBytes?: number;
}

const MAX_BYTES = 64 * 1024 * 1024;

/** One checkpoint file and its one owner. */
export class CheckpointFile<T> {
  readonly path: string;
  readonly #format: CheckpointFormat<T>;
  readonly #options: CheckpointFileOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(path: string, format: CheckpointFormat<T>, options: CheckpointFileOptions = {}) {
    this.path = path;
    this.#format = format;
    this.#options = options;
  }

  /** The value; undefined if there is no file. Rejects with a CheckpointError if it does not fit, and leaves the file as it is. */
  async load(): Promise<T | undefined> {
    try {
      const bytes = await readBoundedIfThere(this.path, this.#options.maxBytes ?? MAX_BYTES);
      return bytes && this.#format.decode(bytes.toString('utf8'));
    } catch (error) {
      throw new CheckpointError(this.#format.what, this.path, errorMessage(error), error);
    }
  }

  /**
   * Writes the value; resolves when it is on the disk. Calls are carried out in their order. Rejects when it is longer than what could be
   * read back, and leaves the file as it is.
   */
  save(value: T): Promise<void> {
    const text = this.#format.encode(value); // as it is now, whatever waits before it
    const max = this.#options.maxBytes ?? MAX_BYTES;
    if (Buffer.byteLength(text) > max) {
      const problem = `it would be longer than ${max} bytes, which is more than is read`;
      return Promise.reject(new CheckpointError(this.#format.what, this.path, problem));
    }
    return this.#then(() => writeAtomically(this.path, text, this.#options.mode));
  }

  /** Removes the file, after what is being written. */
  remove(): Promise<void> {
    return this.#then(() => rm(this.path, { force: true }));
  }

  #then(work: () => Promise<void>): Promise<void> {
    const mine = this.#last.then(work);
    this.#last = mine.catch(() => {}); // whoever saves hears of the failure
    return mine;
  }
}
