import { type Clock, sleep } from '../lib/clock.ts';
import { LruMap } from '../lib/lru.ts';
import { Turns } from '../lib/turns.ts';
import { diskUsage, type Usage, type Walk } from './diskUsage.ts';

/** Walks that move at one time; the others wait for their turn, which comes with each piece. libuv has four threads for all of us. */
const MOVING = 2;
/** Walks that have begun: each holds descriptors and what it remembers until it ends. */
const BEGUN = 16;
/** How long an answer waits for all its walks together. */
const PATIENCE_MS = 1500;

export interface WalksOptions {
  readonly clock: Clock;
  /** A path is walked again only when its last walk ended this long ago. */
  readonly maxAgeMs: number;
  /** For tests: another way to measure a tree. */
  readonly walk?: (path: string) => Walk;
}

/** The end of one answer's patience; to be disposed with the answer. */
export interface Patience extends Disposable {
  readonly over: Promise<void>;
}

/**
 * What trees take on disks. Each path is walked by one walk at a time, whoever asks; large ones go on behind the answers that could not
 * wait for them. Disposing ends all walks.
 */
export class Walks implements Disposable {
  readonly #options: WalksOptions;
  readonly #known = new LruMap<string, { readonly usage: Usage | undefined; readonly atMs: number }>(4096);
  readonly #running = new Map<string, Promise<Usage | undefined>>();
  readonly #begun = new Turns(BEGUN);
  readonly #moving = new Turns(MOVING);
  #disposed = false;

  constructor(options: WalksOptions) {
    this.#options = options;
  }

  /** Begins the waiting of one answer. */
  patience(ms = PATIENCE_MS): Patience {
    const ended = new AbortController();
    const over = sleep(this.#options.clock, ms, ended.signal).catch(() => {}); // the answer is complete
    return { over, [Symbol.dispose]: () => ended.abort() };
  }

  /**
   * The usage of a tree: of a walk that is young enough or ends while there is patience, else of the last one; undefined when none has
   * ended yet, or when the tree is too much to be walked. A walk ends without a result when `wanted` turns false.
   */
  async usage(path: string, { over }: Patience, wanted: () => boolean): Promise<Usage | undefined> {
    const last = this.#known.get(path);
    if (last && this.#now() - last.atMs < this.#options.maxAgeMs) return last.usage;
    const found = await Promise.race([this.#run(path, wanted), over]);
    return found ?? last?.usage;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
  }

  #now(): number {
    return this.#options.clock.now().mono;
  }

  #run(path: string, wanted: () => boolean): Promise<Usage | undefined> {
    const running = this.#running.get(path);
    if (running) return running;
    const begun = this.#begun.take(() => this.#walk(path, wanted)).finally(() => this.#running.delete(path));
    this.#running.set(path, begun);
    return begun;
  }

  async #walk(path: string, wanted: () => boolean): Promise<Usage | undefined> {
    const walk = (this.#options.walk ?? diskUsage)(path);
    while (!this.#disposed && wanted()) {
      const piece = await this.#moving.take(() => walk.next());
      if (!piece.done) continue;
      this.#known.set(path, { usage: piece.value, atMs: this.#now() });
      return piece.value;
    }
    await walk.return({ bytes: 0, inodes: 0 }); // closes what it has open
    return undefined;
  }
}
