// Which unix sockets there are below a directory, told as they come and go.
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, opendir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { watchDirectory } from '../lib/watchDirectory.ts';
import { MAX_DIRECTORIES, MAX_NAMES, MAX_PROBLEMS, MAX_SOCKETS } from './limits.ts';

/** inotify drops events when its queue, which all watches of the process share, is full: this finds what was lost. */
const RESCAN_MS = 60_000;
/** The kubelet makes this directory itself, as it makes the others of its root. */
const ROOT_MODE = 0o750;

/** Which directory is watched, and who hears of its sockets. */
export interface SocketTreeOptions {
  /** Made if it is not there. */
  readonly root: string;
  readonly clock: Clock;
  /** A socket is there, or was made anew under a known name. */
  onMade(path: string): void;
  onGone(path: string): void;
}

interface Watched {
  readonly watch: Disposable;
  readonly inode: string;
}

/**
 * Watches a directory and those below it by inotify. Names that start with a dot are left alone, symbolic links to directories too;
 * one to a socket counts as the socket. A socket is known by its inode and the time it was made: one that is removed and made again
 * between two looks is new.
 */
export class SocketTree implements Disposable {
  readonly #options: SocketTreeOptions;
  readonly #directories = new Map<string, Watched>();
  /** Path → which socket. */
  readonly #sockets = new Map<string, string>();
  /** What is to be looked at: names in a directory, or `all` of it. */
  readonly #pending = new Map<string, Set<string> | 'all'>();
  readonly #problems = new Map<string, string>();
  #running = false;
  #live = true;
  #rescan: Disposable | undefined;

  constructor(options: SocketTreeOptions) {
    this.#options = options;
  }

  start(): this {
    this.#lookAt(this.#options.root);
    this.#armRescan();
    return this;
  }

  /** What cannot be watched, and why, a sentence each. */
  problems(): readonly string[] {
    return [...this.#problems.values()];
  }

  [Symbol.dispose](): void {
    this.#live = false;
    this.#rescan?.[Symbol.dispose]();
    for (const { watch } of this.#directories.values()) watch[Symbol.dispose]();
    this.#directories.clear();
  }

  #armRescan(): void {
    this.#rescan = this.#options.clock.setTimer(RESCAN_MS, () => {
      for (const directory of [this.#options.root, ...this.#directories.keys()]) this.#lookAt(directory);
      this.#armRescan();
    });
  }

  /** Without a name: at all of it. */
  #lookAt(directory: string, name?: string): void {
    const before = this.#pending.get(directory);
    if (name === undefined) this.#pending.set(directory, 'all');
    else if (before === undefined) this.#pending.set(directory, new Set([name]));
    else if (before !== 'all' && before.size < MAX_NAMES) before.add(name);
    else this.#pending.set(directory, 'all'); // a plug-in may make and remove more names than anybody can look at
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#next(); next && this.#live; next = this.#next()) {
      const [directory, names] = next;
      if (names === 'all') await this.#readDirectory(directory);
      else for (const name of names) await this.#look(directory, name);
    }
    this.#running = false;
  }

  #next(): [string, Set<string> | 'all'] | undefined {
    for (const entry of this.#pending) {
      this.#pending.delete(entry[0]);
      return entry;
    }
    return undefined;
  }

  async #readDirectory(directory: string): Promise<void> {
    try {
      // What still holds of it and of its names is noted again below.
      for (const path of this.#problems.keys())
        if (path === directory || dirname(path) === directory) this.#problems.delete(path);
      const isRoot = directory === this.#options.root;
      if (isRoot) await mkdir(directory, { recursive: true, mode: ROOT_MODE });
      // The watch begins before the reading: a change in between is then an event, never lost.
      if (!(await this.#keepWatch(directory))) return;
      const names = await this.#namesIn(directory);
      for (const path of this.#below(directory)) {
        const rest = path.slice(directory.length + 1);
        if (!rest.includes('/')) names.add(rest);
      }
      for (const name of names) await this.#look(directory, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#forgetBelow(directory);
      else this.#note(directory, `"${directory}" cannot be read: ${errorMessage(error)}`);
    }
  }

  async #namesIn(directory: string): Promise<Set<string>> {
    const names = new Set<string>();
    for await (const entry of await opendir(directory)) {
      if (names.size >= MAX_NAMES) {
        this.#note(directory, `"${directory}" holds more than ${MAX_NAMES} names; the others are not looked at`);
        break;
      }
      names.add(entry.name);
    }
    return names;
  }

  /** Known sockets and directories below a directory. */
  #below(directory: string): string[] {
    return [...this.#sockets.keys(), ...this.#directories.keys()].filter((path) => path.startsWith(`${directory}/`));
  }

  async #look(directory: string, name: string): Promise<void> {
    if (name.startsWith('.') || !this.#live) return;
    const path = join(directory, name);
    if (name.includes('\ufffd')) {
      this.#note(path, `the name "${path}" is no valid UTF-8, so it is not looked at; rename it`);
      return;
    }
    const found = await this.#kindOf(path);
    if (!this.#live) return;
    if (found?.kind !== 'directory' && this.#directories.has(path)) this.#forgetBelow(path);
    if (found?.kind === 'socket') this.#found(path, found.identity);
    else this.#lost(path);
    if (found?.kind === 'directory' && !this.#directories.has(path)) this.#lookAt(path);
  }

  async #kindOf(path: string): Promise<{ kind: 'socket' | 'directory'; identity: string } | undefined> {
    try {
      const own = await lstat(path, { bigint: true });
      if (own.isDirectory()) return { kind: 'directory', identity: '' };
      const target = own.isSymbolicLink() ? await stat(path, { bigint: true }) : own;
      return target.isSocket() ? { kind: 'socket', identity: identityOf(target) } : undefined;
    } catch {
      return undefined; // gone, or a link that leads nowhere: its event wakes the next look
    }
  }

  #found(path: string, identity: string): void {
    const before = this.#sockets.get(path);
    if (before === identity) return;
    if (before === undefined && this.#sockets.size >= MAX_SOCKETS) {
      this.#note(path, `there are more than ${MAX_SOCKETS} sockets; "${path}" is not looked at`);
      return;
    }
    this.#problems.delete(path);
    this.#sockets.set(path, identity);
    this.#options.onMade(path);
  }

  #lost(path: string): void {
    this.#problems.delete(path);
    if (this.#sockets.delete(path)) this.#options.onGone(path);
  }

  #forgetBelow(directory: string): void {
    for (const path of [directory, ...this.#below(directory)]) {
      this.#directories.get(path)?.watch[Symbol.dispose]();
      this.#directories.delete(path);
      this.#lost(path);
    }
  }

  /** Sees to it that this very directory is watched, not one of that name that is gone. False if it cannot be. */
  async #keepWatch(directory: string): Promise<boolean> {
    const inode = identityOf(await stat(directory, { bigint: true }));
    const before = this.#directories.get(directory);
    if (before?.inode === inode) return true;
    if (!this.#live) return false;
    before?.watch[Symbol.dispose]();
    this.#directories.delete(directory);
    if (this.#directories.size >= MAX_DIRECTORIES) {
      this.#note(directory, `there are more than ${MAX_DIRECTORIES} directories; "${directory}" is not looked at`);
      return false;
    }
    const again = () => {
      this.#directories.delete(directory);
      if (this.#live) this.#lookAt(directory);
    };
    const watch = watchDirectory(directory, (_event, name) => this.#onEvent(directory, name), again);
    if (watch) this.#directories.set(directory, { watch, inode });
    else this.#note(directory, `"${directory}" cannot be watched; it is read once a minute`);
    return true;
  }

  #onEvent(directory: string, name: string | undefined): void {
    // The kernel gives a directory's own name when the directory itself goes; a name that is no UTF-8 is known only by reading.
    if (name === undefined || name === basename(directory) || name.includes('\ufffd')) this.#lookAt(directory);
    else this.#lookAt(directory, name);
  }

  #note(path: string, problem: string): void {
    if (this.#problems.size < MAX_PROBLEMS || this.#problems.has(path)) this.#problems.set(path, problem);
  }
}

/** A filesystem may give a new file the number of the one that was just removed; the time of making tells them apart. */
function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}
