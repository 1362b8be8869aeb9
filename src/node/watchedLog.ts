import { rename, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { watchDirectory } from '../lib/watchDirectory.ts';
import { freeName, tidyRotated } from './rotatedFiles.ts';

/** The log of a running container. */
export interface RunningLog {
  readonly containerId: string;
  readonly path: string;
}

/** How logs are rotated. */
export interface LogRotationOptions {
  /** Makes the runtime write to a new file at the old path. */
  readonly reopen: (containerId: string) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** containerLogMaxSize, in bytes; 0 or more. */
  readonly maxBytes: number;
  /** containerLogMaxFiles: the live file and its rotated ones. */
  readonly maxFiles: number;
  /** containerLogMaxWorkers: rotations at the same time. */
  readonly maxWorkers: number;
  /** containerLogMonitorInterval: the longest time between two looks at a file that is being written. */
  readonly maxWaitMs: number;
}

/** A file that grows fast is looked at as often as this. */
const MIN_WAIT_MS = 250;

/** One log: either watched, or waiting for its next look, or being rotated. */
export class WatchedLog implements Disposable {
  readonly #log: RunningLog;
  readonly #options: LogRotationOptions;
  readonly #enqueue: (work: () => Promise<void>) => void;
  #waiting: Disposable | undefined;
  #last: { readonly size: number; readonly at: number } | undefined;
  #disposed = false;

  constructor(log: RunningLog, options: LogRotationOptions, enqueue: (work: () => Promise<void>) => void) {
    this.#log = log;
    this.#options = options;
    this.#enqueue = enqueue;
  }

  /** Looks at the file's size and decides what to wait for. */
  look(): void {
    this.#look().catch((error) => this.#failed('read', error));
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#waiting?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    const { maxBytes, maxWaitMs, clock } = this.#options;
    const size = await stat(this.#log.path).then(
      (info) => info.size,
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? undefined : Promise.reject(error)),
    );
    if (this.#disposed) return;
    if (size === undefined || size >= maxBytes) {
      this.#enqueue(() => this.#rotate(size === undefined));
      return;
    }
    const now = clock.now().mono;
    const grown = this.#last && size > this.#last.size ? size - this.#last.size : 0;
    const rate = grown > 0 && this.#last ? grown / Math.max(1, now - this.#last.at) : 0;
    this.#last = { size, at: now };
    // Half the time that it would take at this rate, for the rate may rise.
    if (rate > 0) this.#later(Math.min(maxWaitMs, Math.max(MIN_WAIT_MS, (maxBytes - size) / rate / 2)));
    else this.#watch();
  }

  #later(ms: number): void {
    this.#waiting?.[Symbol.dispose]();
    if (!this.#disposed) this.#waiting = this.#options.clock.setTimer(ms, () => this.look());
  }

  #watch(): void {
    this.#waiting?.[Symbol.dispose]();
    const name = basename(this.#log.path);
    let live = true;
    const written = () => {
      if (!live) return;
      live = false;
      this.#later(MIN_WAIT_MS);
    };
    const watch = watchDirectory(
      dirname(this.#log.path),
      (_event, changed) => {
        if (changed === undefined || changed === name) written();
      },
      () => {
        live = false;
        this.#later(this.#options.maxWaitMs);
      },
    );
    if (!watch) {
      this.#later(this.#options.maxWaitMs);
      return;
    }
    this.#waiting = watch;
    // What was written between the look and the watch made no event.
    stat(this.#log.path).then(({ size }) => size !== this.#last?.size && written(), written);
  }

  async #rotate(missing: boolean): Promise<void> {
    if (this.#disposed) return;
    const { reopen, clock, maxFiles } = this.#options;
    const { path, containerId } = this.#log;
    try {
      if (!missing) {
        await tidyRotated(path, maxFiles);
        const rotated = await freeName(path, clock.now().wall);
        await rename(path, rotated);
        try {
          await reopen(containerId);
        } catch (error) {
          await rename(rotated, path); // so that nothing is lost, and the next round tries again
          throw error;
        }
      } else await reopen(containerId);
      this.#last = undefined;
      // A size of 0 means a new file at every look: as often as kubelet looks, no more.
      this.#later(this.#options.maxBytes > 0 ? MIN_WAIT_MS : this.#options.maxWaitMs);
    } catch (error) {
      this.#failed('rotated', error);
    }
  }

  #failed(what: string, error: unknown): void {
    if (this.#disposed) return;
    const { path, containerId } = this.#log;
    this.#options.logger.warn(`the log of a container could not be ${what}; it is tried again`, {
      path,
      container: containerId,
      error: errorMessage(error),
    });
    this.#later(this.#options.maxWaitMs);
  }
}
