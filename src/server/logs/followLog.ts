import { basename, dirname } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { disposable } from '../../lib/disposables.ts';
import { watchDirectory } from '../../lib/watchDirectory.ts';
import type { LogFile } from './logFile.ts';
import { LogSuccessors } from './logSuccessors.ts';
import { WakeUp } from './wakeUp.ts';

/** What a follower needs to know of its container. */
export interface Following {
  /** containerLogMaxFiles: how many files of the log a slow follower may be behind. */
  readonly maxFiles: number;
  /** False once the runtime has said that the container is over: everything is written then. */
  running(): boolean;
  /** Called when that may have changed. */
  onChange(listener: () => void): Disposable;
}

/** How long a rotated file is looked at after its successor: the runtime may still be flushing its last lines into it. */
const LATE_MS = 1_000;
/** Only where the directory cannot be watched (no inotify watches left); kubelet looks as often. */
const UNWATCHED_MS = 1_000;

/**
 * The files of one log in the order in which they were written, over rotations: each call of `next` is one look for more lines.
 * Woken by inotify and by the container's end; nothing polls.
 */
export class FollowedLog implements AsyncDisposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #following: Following;
  readonly #wake = new WakeUp();
  readonly #own = new DisposableStack();
  readonly #signal: AbortSignal;
  readonly #successors: LogSuccessors;
  #file: LogFile;
  #before: LogFile | undefined;
  #beforeTimer: Disposable | undefined;
  #beforeLate = false;
  #watched = false;
  #moved = true;
  #lastLook = false;

  /** Takes over `file`, which was opened at `path`. */
  constructor(path: string, file: LogFile, following: Following, clock: Clock, signal: AbortSignal) {
    this.#path = path;
    this.#file = file;
    this.#successors = new LogSuccessors(path, file.inode, following.maxFiles);
    this.#following = following;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The next complete lines, waiting for them; undefined when the container is over and all is read, or the client is gone. */
  async next(): Promise<Buffer[] | undefined> {
    if (!this.#watched) this.#watch();
    while (!this.#signal.aborted) {
      const lines = (await this.#before?.lines()) ?? (await this.#file.lines());
      if (lines) return lines;
      if (await this.#file.restartIfCut()) continue;
      if (this.#beforeLate) await this.#dropBefore();
      if (this.#lastLook) return undefined;
      if (this.#moved) await this.#followMove();
      else if (!this.#following.running()) this.#lastLook = true;
      else await this.#wake.wait();
    }
    return undefined;
  }

  /** The end of a last line without a newline. */
  rest(): Buffer | undefined {
    return this.#file.rest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#own.dispose();
    this.#beforeTimer?.[Symbol.dispose]();
    await this.#successors[Symbol.asyncDispose]();
    await this.#before?.[Symbol.asyncDispose]();
    await this.#file[Symbol.asyncDispose]();
  }

  #watch(): void {
    this.#watched = true;
    const name = basename(this.#path);
    const wake = () => this.#wake.call();
    this.#signal.addEventListener('abort', wake);
    this.#own.use(disposable(() => this.#signal.removeEventListener('abort', wake)));
    this.#own.use(this.#following.onChange(wake));
    const watch = watchDirectory(
      dirname(this.#path),
      (event, changed) => {
        if (event === 'rename') this.#lookNow();
        if (changed === undefined || changed.startsWith(name)) wake();
      },
      () => this.#lookRegularly(),
    );
    if (watch) this.#own.use(watch);
    else this.#lookRegularly();
  }

  /** At once, even while a slow client holds the reading back: the next rotation may take away what this one left. */
  #lookNow(): void {
    this.#moved = true;
    this.#successors.look().catch(() => undefined); // the reading itself looks again, and tells
  }

  #lookRegularly(): void {
    if (this.#own.disposed) return;
    let timer: Disposable;
    const again = () => {
      this.#lookNow();
      this.#wake.call();
      timer = this.#clock.setTimer(UNWATCHED_MS, again);
    };
    timer = this.#clock.setTimer(UNWATCHED_MS, again);
    this.#own.use(disposable(() => timer[Symbol.dispose]()));
  }

  /** Goes on to the file that was begun after the present one, if there is one. */
  async #followMove(): Promise<void> {
    this.#moved = false;
    await this.#successors.look();
    const next = this.#successors.take();
    if (next === undefined) return;
    await this.#dropBefore();
    this.#before = this.#file;
    this.#file = next;
    this.#moved = true;
    this.#beforeTimer = this.#clock.setTimer(LATE_MS, () => {
      this.#beforeLate = true;
      this.#wake.call();
    });
  }

  async #dropBefore(): Promise<void> {
    this.#beforeTimer?.[Symbol.dispose]();
    const before = this.#before;
    this.#before = undefined;
    this.#beforeLate = false;
    await before?.[Symbol.asyncDispose]();
  }
}
