import { promises as fs, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Clock, realClock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import { type DirectoryEvent, watchDirectory } from '../../lib/watchDirectory.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { PodChange } from '../podSource.types.ts';
import type { LocalObject, ManifestProblem } from './manifestContent.ts';
import { type StaticPodOptions, type StaticPodSource, StaticPods } from './staticPods.ts';

/** Longest manifest that is read. */
export const MAX_MANIFEST_BYTES = 10 * 1024 * 1024;
/** A file that is being written is read when nothing was written to it for this long, … */
const QUIET_MS = 30;
/** … or after this long, however much is still written. */
const MAX_WAIT_MS = 500;
/** A file that appears complete and is older than this was moved in, not written here. */
const MOVED_AGE_MS = 200;

export interface FileSourceOptions extends StaticPodOptions {
  /** `staticPodPath`: a directory of manifests, or one manifest. */
  readonly path: string;
  /** How often everything is read again besides the events (`fileCheckFrequency`), in milliseconds. */
  readonly rescanMs: number;
}

/**
 * Static Pods from files. Events (inotify) wake a reading of the directory; a slow rescan finds what events missed. Names that start
 * with a dot and sub-directories are left alone, as kubelet does.
 */
export class FilePodSource implements StaticPodSource {
  readonly name = 'file';
  readonly #options: FileSourceOptions;
  readonly #clock: Clock;
  readonly #static: StaticPods;
  /** When each file that is being written was first and last heard of (monotonic). */
  readonly #writing = new Map<string, { first: number; last: number }>();
  /** How often each name came or went since its file was read: once for a new or a replaced file. */
  readonly #comings = new Map<string, number>();
  #watch: { disposable: Disposable; inode: string } | undefined;
  #rescan: Disposable | undefined;
  #settle: Disposable | undefined;
  #running = false;
  #again = false;
  #live = true;

  constructor(options: FileSourceOptions) {
    this.#options = { ...options, path: options.path.replace(/(?<=.)\/+$/, '') };
    this.#clock = options.clock ?? realClock;
    this.#static = new StaticPods('file', options);
  }

  start(): this {
    this.#wake();
    this.#armRescan();
    return this;
  }

  synced(): boolean {
    return this.#static.synced();
  }

  pods(): ReadonlyMap<string, StoredPod> {
    return this.#static.pods();
  }

  subscribe(listener: (change: PodChange) => void): Disposable {
    return this.#static.changes.add(listener);
  }

  problems(): readonly ManifestProblem[] {
    return this.#static.problems();
  }

  onProblems(listener: (problems: readonly ManifestProblem[]) => void): Disposable {
    return this.#static.problemChanges.add(listener);
  }

  onWarnings(listener: (warnings: readonly ManifestProblem[]) => void): Disposable {
    return this.#static.warnings.add(listener);
  }

  object(kind: 'ConfigMap' | 'Secret', namespace: string, name: string): LocalObject | undefined {
    return this.#static.object(kind, namespace, name);
  }

  onObject(listener: (object: LocalObject) => void): Disposable {
    return this.#static.objectChanges.add(listener);
  }

  [Symbol.dispose](): void {
    this.#live = false;
    this.#watch?.disposable[Symbol.dispose]();
    this.#rescan?.[Symbol.dispose]();
    this.#settle?.[Symbol.dispose]();
  }

  #armRescan(): void {
    this.#rescan = this.#clock.setTimer(this.#options.rescanMs, () => {
      this.#wake();
      this.#armRescan();
    });
  }

  /** Reads everything once more; calls during a reading are answered by one more reading. */
  #wake(): void {
    this.#again = true;
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again && this.#live) {
      this.#again = false;
      await this.#read();
    }
    this.#running = false;
  }

  async #read(): Promise<void> {
    const { path } = this.#options;
    let files: readonly string[];
    try {
      // The watch starts before the reading: a change in between is then an event, never lost.
      const stats = await fs.stat(path);
      await this.#keepWatch(stats.isDirectory() ? path : dirname(path));
      files = stats.isDirectory() ? await this.#list(path) : [path];
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!missing) this.#static.fail(path, `cannot be read: ${errorMessage(error)}`);
      // A missing directory wants no Pods; one that cannot be read says nothing about them.
      if (missing) this.#finish([]);
      else if (this.#live) this.#static.markSynced();
      return;
    }
    for (const file of files) if (!this.#isBeingWritten(file)) await this.#readFile(file);
    this.#finish(files);
  }

  #finish(files: readonly string[]): void {
    if (!this.#live) return;
    const wanted = new Set(files);
    for (const location of this.#static.locations()) {
      // Editors save by renaming: a name that is free for a moment is not a manifest that was taken away.
      if (wanted.has(location) || this.#isBeingWritten(location)) continue;
      this.#comings.delete(location);
      this.#static.remove(location);
    }
    if (this.#writing.size === 0) this.#static.markSynced();
  }

  async #list(directory: string): Promise<readonly string[]> {
    const names = await fs.readdir(directory);
    return names
      .filter((name) => !name.startsWith('.'))
      .sort()
      .map((name) => join(directory, name));
  }

  async #readFile(file: string): Promise<void> {
    try {
      const stats = await fs.stat(file);
      if (stats.isDirectory()) return;
      const problem = unreadable(stats);
      if (problem) this.#static.fail(file, problem);
      else {
        const text = await fs.readFile(file, 'utf8');
        if (this.#live && !this.#isBeingWritten(file)) this.#take(file, text);
      }
    } catch (error) {
      // Gone since it was listed: the event of that wakes the next reading.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#again = true;
      else if (this.#live) this.#static.fail(file, `cannot be read: ${errorMessage(error)}`);
    }
  }

  /** A file that went and came back is a new wish for the same Pod, which ends and starts again (as in kubelet). */
  #take(file: string, text: string): void {
    const comings = this.#comings.get(file) ?? 0;
    this.#comings.delete(file);
    if (comings > 1 && this.#static.holds(file, text)) this.#static.remove(file);
    this.#static.set(file, text);
  }

  async #keepWatch(directory: string): Promise<void> {
    const { dev, ino } = await fs.stat(directory);
    const inode = `${dev}:${ino}`;
    if (this.#watch?.inode === inode || !this.#live) return;
    this.#watch?.disposable[Symbol.dispose]();
    const lost = () => {
      this.#watch = undefined;
      if (this.#live) this.#wake();
    };
    const disposable = watchDirectory(directory, (event, name) => void this.#onEvent(event, directory, name), lost);
    this.#watch = disposable && { disposable, inode };
  }

  async #onEvent(event: DirectoryEvent, directory: string, name: string | undefined): Promise<void> {
    if (name === undefined) return this.#wake();
    const file = join(directory, name);
    const { path } = this.#options;
    if (name.startsWith('.') || (directory !== path && name !== basename(path))) {
      // A symbolic link may lead through a name with a dot (`..data` of mounted ConfigMaps).
      if (name.startsWith('..')) this.#wake();
      return;
    }
    if (event === 'rename') this.#comings.set(file, (this.#comings.get(file) ?? 0) + 1);
    if (event === 'change' || !(await isComplete(file))) this.#noteWriting(file);
    else this.#writing.delete(file);
    this.#wake();
  }

  #noteWriting(file: string): void {
    const now = this.#clock.now().mono;
    this.#writing.set(file, { first: this.#writing.get(file)?.first ?? now, last: now });
    this.#armSettle();
  }

  #isBeingWritten(file: string): boolean {
    const since = this.#writing.get(file);
    if (!since) return false;
    const now = this.#clock.now().mono;
    return now - since.last < QUIET_MS && now - since.first < MAX_WAIT_MS;
  }

  #armSettle(): void {
    if (this.#settle || !this.#live) return;
    this.#settle = this.#clock.setTimer(QUIET_MS, () => {
      this.#settle = undefined;
      for (const file of [...this.#writing.keys()]) if (!this.#isBeingWritten(file)) this.#writing.delete(file);
      this.#wake();
      if (this.#writing.size > 0) this.#armSettle();
    });
  }
}

/** True for a file that was not written just now: moved in or linked. One that is gone may be about to be replaced. */
async function isComplete(file: string): Promise<boolean> {
  try {
    const stats = await fs.stat(file);
    return stats.size > 0 && Date.now() - stats.mtimeMs > MOVED_AGE_MS;
  } catch {
    return false;
  }
}

function unreadable(stats: Stats): string | undefined {
  if (!stats.isFile()) return 'is no regular file';
  return stats.size > MAX_MANIFEST_BYTES
    ? `is ${stats.size} bytes long; at most ${MAX_MANIFEST_BYTES} are read`
    : undefined;
}
