// The FlexVolume drivers of this node: programs below --volume-plugin-dir.
import type { BigIntStats } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { disposable } from '../../lib/disposables.ts';
import { errorMessage } from '../../lib/errors.ts';
import { KeyedListeners } from '../../lib/keyedListeners.ts';
import type { Runner } from '../../lib/linux/runProgram.ts';
import { watchDirectory } from '../../lib/watchDirectory.ts';
import { FlexDriver } from './driver.ts';
import { isDriverName, programOf } from './rules/names.ts';

interface Known {
  /** Which program answered; another one is asked anew. */
  readonly version: string;
  readonly driver: FlexDriver;
}

/** A program that Pods wait for. */
interface Awaited {
  watches: Disposable[];
  version: string | undefined;
  looking: boolean;
  again: boolean;
  users: number;
}

/** Drivers by name. Each is asked what it can do when a volume first needs it, and again when its program has changed. */
export class FlexDrivers implements Disposable {
  readonly #directory: string;
  readonly #run: Runner;
  readonly #known = new Map<string, Known>();
  readonly #opening = new Map<string, Promise<FlexDriver | undefined>>();
  readonly #awaited = new Map<string, Awaited>();
  readonly #changes = new KeyedListeners();

  constructor(directory: string, run: Runner) {
    this.#directory = directory;
    this.#run = run;
  }

  /** As `find` last found it. */
  get(name: string): FlexDriver | undefined {
    return this.#known.get(name)?.driver;
  }

  /** The driver whose program is there now; undefined without one. Rejects when the program does not say what it can do. */
  find(name: string): Promise<FlexDriver | undefined> {
    let opening = this.#opening.get(name);
    if (!opening) {
      opening = this.#open(name).finally(() => this.#opening.delete(name));
      this.#opening.set(name, opening);
    }
    return opening;
  }

  /** As `find`, in one sentence when there is none. */
  async require(name: string): Promise<FlexDriver> {
    const driver = await this.find(name);
    if (driver) return driver;
    const where = isDriverName(name) ? programOf(this.#directory, name) : 'no driver can have this name';
    throw new Error(`no volume plugin matched: there is no FlexVolume driver ${name} (${where})`);
  }

  /** Another one for each program; undefined while there is none. Known for names that somebody subscribed to. */
  version(name: string): string | undefined {
    return this.#awaited.get(name)?.version;
  }

  /** Calls `listener` when the driver's program has come, gone or changed. The directory is watched as long as anybody wants to hear. */
  subscribe(name: string, listener: () => void): Disposable {
    if (!isDriverName(name)) return disposable(() => {});
    const awaited = this.#awaited.get(name) ?? {
      watches: [],
      version: undefined,
      looking: false,
      again: false,
      users: 0,
    };
    this.#awaited.set(name, awaited);
    awaited.users++;
    const listening = this.#changes.add(name, listener);
    if (awaited.users === 1) void this.#look(name, awaited);
    return disposable(() => {
      listening[Symbol.dispose]();
      if (--awaited.users > 0) return;
      this.#awaited.delete(name);
      for (const watch of awaited.watches) watch[Symbol.dispose]();
    });
  }

  [Symbol.dispose](): void {
    for (const { watches } of this.#awaited.values()) for (const watch of watches) watch[Symbol.dispose]();
    this.#awaited.clear();
  }

  async #open(name: string): Promise<FlexDriver | undefined> {
    const version = await this.#versionNow(name);
    const known = this.#known.get(name);
    if (known && known.version === version) return known.driver;
    this.#known.delete(name);
    if (version === undefined) return undefined;
    try {
      const driver = await FlexDriver.open(name, programOf(this.#directory, name), this.#run);
      this.#known.set(name, { version, driver });
      return driver;
    } catch (error) {
      throw new Error(`no volume plugin matched: FlexVolume driver ${name} cannot be used: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }

  async #versionNow(name: string): Promise<string | undefined> {
    if (!isDriverName(name)) return undefined;
    let found: BigIntStats;
    try {
      found = await stat(programOf(this.#directory, name), { bigint: true });
    } catch {
      return undefined;
    }
    return found.isFile() ? [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ') : undefined;
  }

  /** Watches are set before the look, so nothing is missed between; each event leads to one more look. */
  async #look(name: string, awaited: Awaited): Promise<void> {
    awaited.again = true;
    if (awaited.looking) return;
    awaited.looking = true;
    try {
      while (awaited.again && this.#awaited.get(name) === awaited) {
        awaited.again = false;
        // Kubelet too makes the directory, for whoever installs a driver later.
        await mkdir(this.#directory, { recursive: true, mode: 0o755 }).catch(() => {}); // then there is nothing to watch
        if (this.#awaited.get(name) !== awaited) return;
        const program = programOf(this.#directory, name);
        for (const watch of awaited.watches) watch[Symbol.dispose]();
        const event = () => void this.#look(name, awaited);
        const relevant = [this.#directory, dirname(program)];
        awaited.watches = relevant.flatMap((directory) => watchDirectory(directory, event, () => {}) ?? []);
        const version = await this.#versionNow(name);
        if (version === awaited.version) continue;
        awaited.version = version;
        this.#changes.emit(name);
      }
    } finally {
      awaited.looking = false;
    }
  }
}
