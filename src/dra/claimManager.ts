// Dynamic resource allocation (KEP-4381), put together: claims are prepared by their drivers before a Pod's sandbox is made, and given back
// when nothing of the Pod runs any more, before its end is told.
import type { ApiClient } from '../api/client.ts';
import { backoffDelay } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage, KubeletError, prefixErrors } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodClaims } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { ClaimGrant } from '../types/grant.ts';
import type { Container, Pod, StoredPod } from '../types/k8s.ts';
import { ClaimBook, type ClaimInfo, keyOf, newClaim } from './book.ts';
import { type AskedDrivers, askToPrepare, askToUnprepare } from './calls.ts';
import { ClaimLocks } from './claimLocks.ts';
import { DEFAULT_HEALTH_MS, type HealthBook } from './health.ts';
import type { DraPlugins } from './plugins.ts';
import { claimsOf, driversOf, refusal, requestsOf } from './rules/claims.ts';
import { cdiIds, devicesFor, heldClaims, toldBefore } from './rules/grants.ts';

/** Between attempts to unprepare the claims of Pods that nobody knows any more. */
const LEFTOVERS = { initialMs: 1000, maxMs: 60_000, jitter: 0.2 };

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

/** What Pods' workers ask of it. */
export interface WorkerClaims {
  /**
   * Has all claims of the Pod prepared; resolves when each of its drivers has. Rejects in kubelet's words with whatever is missing. `wait` hears
   * which driver is being waited for; undefined when none is any more. Claims that are prepared already are not asked for again.
   */
  prepare(pod: StoredPod, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void>;
  /** Gives back what was prepared for the Pod; harmless without, and twice. Claims that other Pods use stay prepared. */
  unprepare(uid: string, signal: AbortSignal, wait: (message: string | undefined) => void): Promise<void>;
  /** The claims that the Pod's containers use, as its status has them. */
  heldBy(pod: Pod): PodClaims;
  /** Names of the CDI devices of a container. Throws when nobody knows any more what was prepared for it. */
  cdiDevices(pod: Pod, container: Container): readonly string[];
}

/** The node's claims. Disposing leaves them prepared for the next life. */
export class ClaimManager implements WorkerClaims, AsyncDisposable {
  readonly #options: ClaimManagerOptions;
  readonly #book: ClaimBook;
  readonly #locks = new ClaimLocks();
  #isYoung = true;
  readonly #ended = new AbortController();
  readonly #own = new DisposableStack();
  /** Pods that failed for want of a driver, by its name: they try again when it comes. */
  readonly #lacking = new Map<string, Set<string>>();
  readonly #leftovers = new Map<string, { attempt: number; timer?: Disposable }>();

  /** Knows nothing before `load`. */
  constructor(options: ClaimManagerOptions) {
    this.#options = options;
    this.#book = new ClaimBook(options.rootDir);
    this.#own.use(options.plugins.onArrival((driver) => this.#arrived(driver)));
    const { health } = options;
    if (health) {
      this.#own.use(health.onChange((driver) => this.#tellHealth(driver)));
      this.#own.use(options.clock.setTimer(DEFAULT_HEALTH_MS, () => this.#grown()));
    }
    this.#own.use(
      options.table.onEnded((uid) => {
        for (const pods of this.#lacking.values()) pods.delete(uid);
      }),
    );
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
    const { health, healthMessages = false } = this.#options;
    const { uid = '', namespace = '' } = pod.metadata ?? {};
    const prepared = (name: string) => {
      const info = this.#book.get(namespace, name);
      return info?.pods.has(uid) ? info.drivers : undefined;
    };
    return heldClaims(pod, prepared, ({ driver, pool, device }, place) => {
      const known = health?.of(driver, pool, device);
      // A driver registers a moment after a restart; until then what was told last still holds.
      if (!known && this.#isYoung) return toldBefore(pod, place);
      const { message = '', health: state = 'Unknown' } = known ?? {};
      return { health: state, ...(healthMessages && message !== '' && { message }) };
    });
  }

  cdiDevices(pod: Pod, container: Container): readonly string[] {
    return cdiIds(this.#grants(pod, container).flatMap(({ devices }) => devices));
  }

  /** All devices of the claims that a container uses, for monitoring: whole claims, as kubelet tells them. Empty where something is unknown. */
  claimsOf(pod: Pod, container: Container): readonly ClaimGrant[] {
    const namespace = pod.metadata?.namespace ?? '';
    return [...requestsOf(pod, container).keys()].flatMap((name) => {
      const info = this.#book.get(namespace, name);
      return info ? [{ namespace, name, uid: info.uid, devices: [...info.drivers.values()].flat() }] : [];
    });
  }

  /** How many claims are prepared, by driver, and all of them. */
  inUse(): { readonly all: number; readonly byDriver: ReadonlyMap<string, number> } {
    const prepared = this.#book.all().filter((info) => info.prepared);
    const byDriver = new Map<string, number>();
    for (const { drivers } of prepared)
      for (const driver of drivers.keys()) byDriver.set(driver, (byDriver.get(driver) ?? 0) + 1);
    return { all: prepared.length, byDriver };
  }

  /** Every source has reported: claims of Pods of which nothing is known any more are given back, however long that takes. */
  prune(): void {
    for (const uid of this.#book.pods()) if (!this.#options.table.has(uid)) this.#leftOver(uid, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#own[Symbol.dispose]();
    for (const { timer } of this.#leftovers.values()) timer?.[Symbol.dispose]();
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
      for (const pods of this.#lacking.values()) pods.delete(uid);
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
    const wanted = await this.#resolve(pod, signal);
    using _locks = await this.#alone(wanted, signal, wait);
    // Nothing is written down before all drivers are there: a Pod that never had its claims prepared can go at once.
    for (const { drivers } of wanted) for (const driver of drivers.keys()) this.#require(driver, uid);
    const claims = wanted.map((claim) => this.#known(claim));
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

  /** The Pod's claims as the API server has them, each fit to be prepared for it. */
  async #resolve(pod: StoredPod, signal: AbortSignal): Promise<readonly ClaimInfo[]> {
    const { client } = this.#options;
    const { namespace } = pod.metadata;
    const found: ClaimInfo[] = [];
    for (const use of claimsOf(pod)) {
      const { name } = use;
      if (!client) throw new Error(`fetch ResourceClaim ${name}: there is no API server`);
      const claim = await prefixErrors(`fetch ResourceClaim ${name}`, () =>
        client.get('ResourceClaim', { namespace, name }, { signal }),
      );
      const refused = refusal(pod, use, claim);
      if (refused) throw new Error(refused);
      found.push(newClaim(claim.metadata?.uid ?? '', name, namespace, driversOf(claim)));
    }
    return found;
  }

  /** The claim as the node has it, or the new one. */
  #known(claim: ClaimInfo): ClaimInfo {
    const known = this.#book.get(claim.namespace, claim.name);
    if (known && known.uid !== claim.uid)
      throw new Error(
        `old ResourceClaim with same name ${claim.name} and different UID ${known.uid} still exists (previous pod force-deleted?!)`,
      );
    return known ?? claim;
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
    return { require: (driver) => this.#require(driver, uid), lost: (driver) => this.#lacks(driver, uid), wait };
  }

  #require(driver: string, uid: string) {
    try {
      return this.#options.plugins.require(driver);
    } catch (error) {
      this.#lacks(driver, uid);
      throw error;
    }
  }

  /** It tries again as soon as the driver is there. */
  #lacks(driver: string, uid: string): void {
    const pods = this.#lacking.get(driver) ?? new Set();
    this.#lacking.set(driver, pods.add(uid));
  }

  #grown(): void {
    this.#isYoung = false;
    const drivers = this.#book.all().flatMap((info) => [...info.drivers.keys()]);
    for (const driver of new Set(drivers)) this.#tellHealth(driver);
  }

  #tellHealth(driver: string): void {
    const { table } = this.#options;
    const pods = this.#book.all().flatMap((info) => (info.drivers.has(driver) ? [...info.pods] : []));
    for (const uid of new Set(pods)) {
      const pod = table.get(uid)?.pod;
      if (pod) table.learn(uid, { kind: 'claims', claims: this.heldBy(pod) });
    }
  }

  #arrived(driver: string): void {
    const { clock, table } = this.#options;
    const waiting = this.#lacking.get(driver) ?? [];
    this.#lacking.delete(driver);
    for (const uid of waiting) {
      const leftover = this.#leftovers.get(uid);
      if (leftover?.timer) this.#leftOver(uid, 0);
      else table.learn(uid, { kind: 'claimDriver', at: clock.now().mono });
    }
  }

  #grants(pod: Pod, container: Container): readonly ClaimGrant[] {
    const namespace = pod.metadata?.namespace ?? '';
    return [...requestsOf(pod, container)].map(([name, requests]) => {
      const info = this.#book.get(namespace, name);
      if (!info)
        throw new Error(`internal error: unable to get claim info for ResourceClaim ${name} in namespace ${namespace}`);
      return { namespace, name, uid: info.uid, devices: devicesFor(info.drivers, requests) };
    });
  }

  #leftOver(uid: string, attempt: number): void {
    const { clock, random, log } = this.#options;
    const before = this.#leftovers.get(uid);
    if (this.#ended.signal.aborted || (before && !before.timer)) return;
    before?.timer?.[Symbol.dispose]();
    this.#leftovers.set(uid, { attempt });
    this.unprepare(uid, this.#ended.signal, () => {}).then(
      () => this.#leftovers.delete(uid),
      (error) => {
        if (this.#ended.signal.aborted) return;
        log.warn('Claims of a Pod that is gone are still prepared', { podUid: uid, error: errorMessage(error) });
        const timer = clock.setTimer(backoffDelay(LEFTOVERS, attempt, random()), () =>
          this.#leftOver(uid, attempt + 1),
        );
        this.#leftovers.set(uid, { attempt, timer });
      },
    );
  }
}
