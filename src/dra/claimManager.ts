// Dynamic resource allocation (KEP-4381), put together: claims are prepared by their drivers before a Pod's sandbox is made, and given back
// when nothing of the Pod runs any more, before its end is told.
import type { ApiClient } from '../api/client.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage, KubeletError, prefixErrors } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodClaims } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { Container, Pod, StoredPod } from '../types/k8s.ts';
import { ClaimBook, type ClaimInfo, keyOf } from './book.ts';
import { type AskedDrivers, askToPrepare, askToUnprepare } from './calls.ts';
import { ClaimLeftovers } from './claimLeftovers.ts';
import { ClaimLocks } from './claimLocks.ts';
import type { HealthBook } from './health.ts';
import { HeldClaims } from './heldClaims.ts';
import { LackingDrivers } from './lackingDrivers.ts';
import type { DraPlugins } from './plugins.ts';
import { resolveClaims } from './resolveClaims.ts';
import type { WorkerClaims } from './workerClaims.ts';

/** kubelet's metric dra_operations_duration_seconds. */
export type ClaimOperation = 'PrepareResources' | 'UnprepareResources';

export interface ClaimManagerOptions {
  readonly rootDir: string;
  readonly plugins: DraPlugins;
  /** null: no API server, so there are no claims. */
  readonly client: Pick<ApiClient, 'get'> | null;
  readonly table: PodTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Of the drivers' devices; left out: nothing is known of it. */
  readonly health?: HealthBook | undefined;
  /** Statuses have the drivers' messages about it (ResourceHealthStatusMessage). */
  readonly healthMessages?: boolean;
  onOperation?(operation: ClaimOperation, failed: boolean, seconds: number): void;
}

/** The node's claims. Disposing leaves them prepared for the next life. */
export class ClaimManager implements WorkerClaims, AsyncDisposable {
  readonly #options: ClaimManagerOptions;
  readonly #book: ClaimBook;
  /** What Pods have of what was prepared. */
  readonly held: HeldClaims;
  readonly #locks = new ClaimLocks();
  readonly #own = new DisposableStack();
  readonly #lacking = new LackingDrivers();
  readonly #leftovers: ClaimLeftovers;

  /** Knows nothing before `load`. */
  constructor(options: ClaimManagerOptions) {
    this.#options = options;
    this.#book = new ClaimBook(options.rootDir);
    this.held = this.#own.use(new HeldClaims(this.#book, options));
    this.#leftovers = new ClaimLeftovers(options, (uid, signal) => this.unprepare(uid, signal, () => {}));
    this.#own.use(options.plugins.onArrival((driver) => this.#arrived(driver)));
    this.#own.use(options.table.onEnded((uid) => this.#lacking.forget(uid)));
  }

  /** All claims in use, as they are now. */
  all(): readonly ClaimInfo[] {
    return this.#book.all();
  }

  /** Reads what an earlier life has prepared. To be called first, and once. Rejects when the file cannot be used, as the Go kubelet's start does. */
  load(): Promise<void> {
    return this.#book.load();
  }

  async prepare(pod: StoredPod, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void> {
    await this.#observed('PrepareResources', 'prepare dynamic resources', pod.metadata.uid, signal, wait, () =>
      this.#prepare(pod, signal, wait),
    );
  }

  async unprepare(uid: string, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void> {
    if (this.#book.ofPod(uid).length === 0) return;
    await this.#observed('UnprepareResources', 'unprepare dynamic resources', uid, signal, wait, () =>
      this.#unprepare(uid, signal, wait),
    );
  }

  heldBy(pod: Pod): PodClaims {
    return this.held.heldBy(pod);
  }

  cdiDevices(pod: Pod, container: Container): readonly string[] {
    return this.held.cdiDevices(pod, container);
  }

  /** Every source has reported: claims of Pods of which nothing is known any more are given back, however long that takes. */
  prune(): void {
    for (const uid of this.#book.pods()) if (!this.#options.table.has(uid)) this.#leftovers.giveBack(uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leftovers[Symbol.dispose]();
    this.#own[Symbol.dispose]();
    await this.#book.settled();
  }

  async #observed(
    operation: ClaimOperation,
    what: string,
    uid: string,
    signal: AbortSignal,
    wait: (message: string | undefined) => void,
    work: () => Promise<void>,
  ): Promise<void> {
    const { clock, onOperation } = this.#options;
    const { mono } = clock.now();
    let failed = true;
    try {
      await work();
      failed = false;
      this.#lacking.forget(uid);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw new KubeletError(`${what}: ${errorMessage(error)}`, {
        code: 'DynamicResources',
        cause: error,
      });
    } finally {
      wait(undefined);
      onOperation?.(operation, failed, (clock.now().mono - mono) / 1000);
    }
  }

  async #prepare(pod: StoredPod, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void> {
    const { uid } = pod.metadata;
    const wanted = await resolveClaims(this.#options.client, pod, signal);
    using _locks = await this.#alone(wanted, signal, wait);
    // Nothing is written down before all drivers are there: a Pod that never had its claims prepared can go at once.
    for (const { drivers } of wanted) for (const driver of drivers.keys()) this.#require(driver, uid);
    const claims = wanted.map((claim) => this.#book.known(claim));
    for (const info of claims) {
      this.#book.add(info);
      info.pods.add(uid);
    }
    await prefixErrors('checkpoint ResourceClaim cache', () => this.#book.save());
    const open = claims.filter((info) => !info.prepared);
    if (open.length === 0) return;
    await askToPrepare(this.#asked(uid, wait), open, signal);
    for (const info of open) info.prepared = true;
    await prefixErrors('checkpoint ResourceClaim state', () => this.#book.save());
  }

  async #unprepare(uid: string, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void> {
    const mine = this.#book.ofPod(uid);
    using _locks = await this.#alone(mine, signal, wait);
    const last = mine.filter(({ pods }) => pods.size === 1);
    await askToUnprepare(this.#asked(uid, wait), last, signal);
    for (const info of mine) {
      info.pods.delete(uid);
      if (info.pods.size === 0) this.#book.delete(info);
    }
    await prefixErrors('checkpoint ResourceClaim state', () => this.#book.save()).catch((error) => {
      // What the file says still holds: the next attempt finds the Pod here, and drivers may be asked twice.
      for (const info of mine) {
        info.pods.add(uid);
        this.#book.add(info);
      }
      throw error;
    });
  }

  #alone(
    claims: readonly ClaimInfo[],
    signal: AbortSignal,
    wait: (message: string | undefined) => void,
  ): Promise<Disposable> {
    const keys = claims.map(({ namespace, name }) => keyOf(namespace, name));
    if (this.#locks.taken(keys)) wait('the DRA drivers of another Pod that uses the same ResourceClaims');
    return this.#locks.acquire(keys, signal);
  }

  #asked(uid: string, wait: (message: string | undefined) => void): AskedDrivers {
    return { require: (driver) => this.#require(driver, uid), lost: (driver) => this.#lacking.note(driver, uid), wait };
  }

  #require(driver: string, uid: string) {
    try {
      return this.#options.plugins.require(driver);
    } catch (error) {
      this.#lacking.note(driver, uid);
      throw error;
    }
  }

  #arrived(driver: string): void {
    const { clock, table } = this.#options;
    for (const uid of this.#lacking.take(driver)) {
      if (!this.#leftovers.again(uid)) table.learn(uid, { kind: 'claimDriver', at: clock.now().mono });
    }
  }
}
