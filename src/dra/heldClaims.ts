import type { Clock } from '../lib/clock.ts';
import type { PodClaims } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { ClaimGrant } from '../types/grant.ts';
import type { Container, Pod } from '../types/k8s.ts';
import type { ClaimBook } from './book.ts';
import { DEFAULT_HEALTH_MS, type HealthBook } from './health.ts';
import { requestsOf } from './rules/claims.ts';
import { cdiIds, devicesFor, heldClaims, toldBefore } from './rules/grants.ts';

/** What answers about claims depend on besides the book. */
export interface HeldClaimsOptions {
  readonly table: PodTable;
  readonly clock: Clock;
  /** Of the drivers' devices; left out: nothing is known of it. */
  readonly health?: HealthBook | undefined;
  /** Statuses have the drivers' messages about it (ResourceHealthStatusMessage). */
  readonly healthMessages?: boolean;
}

/** What Pods have of the claims that were prepared, and how healthy its devices are; Pods hear when that changes. */
export class HeldClaims implements Disposable {
  readonly #book: ClaimBook;
  readonly #options: HeldClaimsOptions;
  readonly #own = new DisposableStack();
  #isYoung = true;

  constructor(book: ClaimBook, options: HeldClaimsOptions) {
    this.#book = book;
    this.#options = options;
    const { health, clock } = options;
    if (!health) return;
    this.#own.use(health.onChange((driver) => this.#tellHealth(driver)));
    this.#own.use(clock.setTimer(DEFAULT_HEALTH_MS, () => this.#grown()));
  }

  /** The claims that the Pod's containers use, as its status has them. */
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

  /** Names of the CDI devices of a container. Throws when nobody knows any more what was prepared for it. */
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

  [Symbol.dispose](): void {
    this.#own[Symbol.dispose]();
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

  #grants(pod: Pod, container: Container): readonly ClaimGrant[] {
    const namespace = pod.metadata?.namespace ?? '';
    return [...requestsOf(pod, container)].map(([name, requests]) => {
      const info = this.#book.get(namespace, name);
      if (!info)
        throw new Error(`internal error: unable to get claim info for ResourceClaim ${name} in namespace ${namespace}`);
      return { namespace, name, uid: info.uid, devices: devicesFor(info.drivers, requests) };
    });
  }
}
