import { isCriticalPod } from '../k8s/criticalPod.ts';
import { Listeners } from '../lib/disposables.ts';
import { KubeletError } from '../lib/errors.ts';
import type { AllocatedPod, StoredPod } from '../types/k8s.ts';
import {
  allocationOf,
  isAheadOf,
  larger,
  type Request,
  sameVictims,
  toHolder,
  toVictim,
  uidOf,
  type Waiter,
} from './holders.ts';
import type { LedgerOptions } from './options.ts';
import { RequestQueue } from './requestQueue.ts';
import { Resizes } from './resizes.ts';
import { lacksRoom } from './rules/lacksRoom.ts';
import { knownRequests } from './rules/measure.ts';
import { type AdmissionPlace, findPlace, type Holder } from './rules/place.ts';
import { infeasible, type PendingResize } from './rules/resize.ts';
import type {
  DevicePlaces,
  LedgerEntry,
  NodeView,
  OwnResources,
  ReserveContext,
  ResizeSettings,
  ResizeTrigger,
  ResizeVerdict,
  Verdict,
  Victim,
} from './types.ts';
import { Victims } from './victims.ts';

const ALLOWED: ResizeSettings = { podLevel: true, staticCpus: false, staticMemory: false, mayUseSwap: () => false };

/**
 * The one owner of what Pods share: requests, the Pod count and host ports of the node; CPUs and memory through their managers.
 * Requests are answered one at a time. A Pod keeps its place until `release`, terminating or not. Everything is counted by
 * Pod UID, so that reserving and releasing twice is harmless.
 */
export class Ledger {
  readonly #admitted = new Map<string, Holder>();
  readonly #waiting = new Map<string, Waiter>();
  readonly #queue = new RequestQueue();
  readonly #verdicts = new Listeners<[uid: string, verdict: Verdict]>();
  readonly #victims = new Victims();
  /** Pods on their way out that nobody here asked to go. */
  readonly #leaving = new Set<string>();
  readonly #refreshNode: LedgerOptions['refreshNode'];
  readonly #devices: DevicePlaces | undefined;
  readonly #own: OwnResources | undefined;
  readonly #resizes: Resizes;
  /** By UID: what a Pod holds when the resize that was granted to it is written down. */
  readonly #granted = new Map<string, Holder>();
  readonly #unasked: () => readonly StoredPod[];
  #node: NodeView;
  #closed: boolean;
  #running: Promise<void> | undefined;

  constructor(options: LedgerOptions) {
    this.#node = options.node;
    this.#refreshNode = options.refreshNode;
    this.#devices = options.devices;
    this.#own = options.own;
    this.#closed = options.closed ?? false;
    this.#unasked = options.unasked ?? (() => []);
    this.#resizes = new Resizes({
      isHeld: () => this.#closed || this.#queue.size > 0 || this.#unasked().length > 0,
      judge: (pending) => this.#judge(pending, options),
    });
  }

  /**
   * Asks for a place. Among requests that are queued at the same moment, Pods with running containers come first, then the
   * oldest. Throws KubeletError `Released` if the Pod is released before its turn, `Superseded` if it asks again before it.
   */
  reserve(pod: StoredPod, context: ReserveContext): Promise<Verdict> {
    const verdict = this.#queue.ask(pod, context);
    this.#wake();
    return verdict;
  }

  /**
   * Asks for other resources for a Pod that has a place: `desired` instead of `allocated`. Answered when every Pod that runs has its place;
   * asking again replaces the question. `since`: since when it waits for room, wall ms. What is granted counts for more than it will be
   * where it shrinks, until `confirm`. Rejects with KubeletError `Released` if the Pod is released meanwhile.
   */
  resize(desired: StoredPod, allocated: AllocatedPod, since: number): Promise<ResizeVerdict> {
    return this.#resizes.ask(desired, allocated, since);
  }

  /** The resize that was granted is written down: from now on only it counts. */
  confirm(uid: string): void {
    const holder = this.#granted.get(uid);
    if (!holder || !this.#granted.delete(uid)) return;
    const before = this.#admitted.get(uid)!.requests;
    this.#admitted.set(uid, holder);
    const shrank = Object.keys(before).some((resource) => (holder.requests[resource] ?? 0n) < before[resource]!);
    if (shrank) this.#reconsider('pod_resized');
  }

  /** Takes the question about a resize back. */
  withdraw(uid: string): void {
    this.#resizes.drop(uid);
  }

  /** Tells each later answer to a resize that was deferred. */
  onResize(listener: (desired: StoredPod, verdict: ResizeVerdict, trigger: ResizeTrigger) => void): Disposable {
    return this.#resizes.onVerdict(listener);
  }

  /** Looks again at requests and questions that were held back. Cheap when there are none. */
  answerHeld(): void {
    if (this.#queue.freeHeld()) this.#wake();
    this.#resizes.answerHeld();
  }

  /** Whether the Pod has a place, waits for one, or has asked. */
  knows(uid: string): boolean {
    return this.#admitted.has(uid) || this.#waiting.has(uid) || this.#queue.has(uid);
  }

  /**
   * The Pod is deleted for good, and only its containers are still to end. It counts until then, as it may use what it has; but whoever
   * needs its place waits for that moment instead of being rejected: a scheduler has given the place away already.
   */
  leaving(uid: string): void {
    if (!this.#admitted.has(uid)) return;
    this.#leaving.add(uid);
    this.#victims.spare(uid);
  }

  /**
   * Gives up whatever the Pod holds, waits for or has asked for, but for devices that it was given: those go when nothing of it runs any
   * more. Unknown UIDs are ignored.
   */
  release(uid: string): void {
    this.#devices?.giveUp(uid);
    this.#queue.drop(uid, 'Released');
    this.#victims.forget(uid);
    this.#leaving.delete(uid);
    this.#resizes.drop(uid);
    this.#granted.delete(uid);
    const held = this.#admitted.delete(uid);
    this.#own?.release(uid);
    if (this.#waiting.delete(uid) || held) this.#reconsider('pod_terminated');
  }

  /** Serves everybody from now on; for a ledger that started closed. */
  open(): void {
    this.#closed = false;
    this.#wake();
    this.#resizes.answerHeld();
  }

  /** Takes in a changed node (allocatable, labels, taints, pressure, shutdown). Admitted Pods stay admitted. */
  setNode(node: NodeView): void {
    this.#node = node;
    this.#reconsider('periodic_retry');
  }

  /** Tells each later verdict on a Pod that waits. The first verdict is `reserve`'s own result. */
  onVerdict(listener: (uid: string, verdict: Verdict) => void): Disposable {
    return this.#verdicts.add(listener);
  }

  /**
   * Tells each Pod that must go so that another one (`preemptor`, a UID) can be admitted: once, until it is released. Whoever
   * listens terminates it (`PREEMPTED` has the words).
   */
  onVictim(listener: (victim: Victim, preemptor: string, lacking: string | undefined) => void): Disposable {
    return this.#victims.onVictim(listener);
  }

  /** What is held and who waits, for `why`, metrics and tests. */
  snapshot(): { readonly admitted: readonly LedgerEntry[]; readonly waiting: readonly LedgerEntry[] } {
    return { admitted: [...this.#admitted.values()], waiting: this.#inOrder().map(({ holder }) => holder) };
  }

  #wake(): void {
    if (this.#running) return;
    // One turn of the microtask queue later, so that requests of the same moment can be put in order.
    this.#running = Promise.resolve()
      .then(() => this.#serve())
      .finally(() => {
        this.#running = undefined;
        if (this.#queue.next(this.#closed)) this.#wake();
        else this.#resizes.answerHeld();
      });
  }

  async #serve(): Promise<void> {
    for (let request = this.#queue.next(this.#closed); request; request = this.#queue.next(this.#closed)) {
      const uid = request.pod.metadata.uid;
      try {
        const verdict = await this.#decide(request);
        if (!this.#queue.isOpen(request)) continue; // given up while the node was read; its promise is settled
        if (verdict.place !== 'rejected' && !request.hasRunningContainers && !this.#fitsBesideUnasked(request.pod)) {
          this.#queue.hold(uid);
          continue;
        }
        this.#queue.take(uid);
        this.#answer(request, this.#enter(request, verdict));
        this.#tellVictims();
      } catch (error) {
        this.#queue.take(uid);
        request.reject(error as Error);
      }
    }
  }

  /** What was given is written down before anybody hears of it; meanwhile others are served. */
  #answer({ resolve }: Request, verdict: Verdict): void {
    const written = this.#own?.saved();
    if (written) void written.then(() => resolve(verdict));
    else resolve(verdict);
  }

  async #decide(request: Request): Promise<AdmissionPlace> {
    if (request.hasRunningContainers || this.#admitted.has(request.pod.metadata.uid)) return { place: 'admitted' };
    const place = this.#placeOf(request.pod);
    if (place.place !== 'rejected' || !place.onlyAffinity || !this.#refreshNode) return place;
    const fresh = await this.#refreshNode().catch(() => undefined);
    if (!fresh) return place;
    this.#node = fresh;
    return this.#placeOf(request.pod);
  }

  #fitsBesideUnasked(pod: StoredPod): boolean {
    const unasked = this.#unasked().filter(({ metadata: { uid } }) => uid !== pod.metadata.uid);
    if (unasked.length === 0 || this.#admitted.has(pod.metadata.uid)) return true;
    return this.#placeOf(pod, undefined, unasked.map(toHolder)).place === 'admitted';
  }

  /** `more`: counted besides those who have their place. */
  #placeOf(pod: StoredPod, until?: Waiter, more: readonly Holder[] = []): AdmissionPlace {
    const waiters = this.#inOrder();
    const ahead = until ? waiters.slice(0, waiters.indexOf(until)) : waiters.filter(isAheadOf(pod));
    const chosen = new Set((until ? [...ahead, until] : waiters).flatMap(({ victims }) => victims.map(uidOf)));
    for (const uid of this.#leaving) chosen.add(uid);
    const others = [...this.#admitted.values()].filter((holder) => uidOf(holder) !== pod.metadata.uid);
    const refused = this.#devices?.refusal(pod);
    return findPlace(
      {
        ...toHolder(pod),
        requests: this.#requests(pod),
        // Who waits has it already.
        refused: until ? undefined : (this.#own?.refuse(pod) ?? refused),
      },
      {
        staying: [...others.filter((holder) => !chosen.has(uidOf(holder))), ...more],
        leaving: others.filter((holder) => chosen.has(uidOf(holder))),
        ahead: ahead.map(({ holder }) => holder).filter((holder) => uidOf(holder) !== pod.metadata.uid),
      },
      this.#node,
    );
  }

  /** Devices are not counted: who gets which was decided by now. */
  #requests(pod: StoredPod) {
    const all = Object.entries(knownRequests(pod, this.#node.allocatable));
    return Object.fromEntries(all.filter(([resource]) => !this.#devices?.isDevice(resource)));
  }

  /** Writes the outcome into the book. */
  #enter(
    { pod, sequence, hasRunningContainers }: Pick<Request, 'pod' | 'sequence'> & { hasRunningContainers?: boolean },
    outcome: AdmissionPlace,
  ): Verdict {
    const uid = pod.metadata.uid;
    this.#waiting.delete(uid);
    if (outcome.place === 'rejected') {
      this.#own?.release(uid);
      this.#devices?.giveUp(uid);
      return { verdict: 'rejected', ...outcome.rejection };
    }
    this.#own?.take(pod);
    // Who waits for room has its devices by then, as there; a Pod with running containers has had them all along.
    const devices = hasRunningContainers ? undefined : this.#devices?.hold(pod, this.#own?.affinity?.(uid));
    if (devices && 'reason' in devices) {
      this.#own?.release(uid);
      this.#devices?.giveUp(uid); // what was held for it before
      return { verdict: 'rejected', ...devices };
    }
    const holder = this.#admitted.get(uid) ?? toHolder(pod);
    if (outcome.place === 'waiting') {
      this.#waiting.set(uid, { holder, sequence, victims: outcome.waitFor, lacking: outcome.lacking });
      return { verdict: 'waiting', victims: outcome.waitFor.map(toVictim) };
    }
    this.#admitted.set(uid, holder);
    return { verdict: 'admitted', allocation: allocationOf(holder), ...(devices && { devices }) };
  }

  /** Critical Pods first, then in order of arrival. */
  #inOrder(): Waiter[] {
    const rank = (waiter: Waiter) => (isCriticalPod(waiter.holder.pod) ? 0 : 1);
    return [...this.#waiting.values()].sort((a, b) => rank(a) - rank(b) || a.sequence - b.sequence);
  }

  /** Looks again at everybody who waits, after something was given up or the node changed. */
  #reconsider(trigger: ResizeTrigger): void {
    const changed: [string, Verdict][] = [];
    for (const waiter of this.#inOrder()) {
      const place = this.#placeOf(waiter.holder.pod, waiter);
      if (place.place === 'waiting' && sameVictims(place.waitFor, waiter.victims)) continue;
      const verdict = this.#enter({ pod: waiter.holder.pod, sequence: waiter.sequence }, place);
      changed.push([uidOf(waiter.holder), verdict]);
    }
    // Only now, because a listener may call back.
    for (const [uid, verdict] of changed) this.#verdicts.emit(uid, verdict);
    this.#tellVictims();
    this.#resizes.reconsider(trigger);
  }

  /**
   * Whether a resize fits beside all other Pods, those included that wait for victims and come before it. It is never a reason to end
   * anybody, and never holds anybody else up.
   */
  #judge({ desired, allocated }: PendingResize, { resizes = ALLOWED, onInfeasible }: LedgerOptions): ResizeVerdict {
    const uid = desired.metadata.uid;
    const holder = this.#admitted.get(uid);
    if (!holder) throw new KubeletError(`Pod ${uid} has no place on the node`, { code: 'Released' });
    const never = infeasible(desired, allocated, resizes);
    if (never) {
      onInfeasible?.(never.detail);
      return { resize: 'infeasible', message: never.message };
    }
    const next = toHolder(desired);
    const ahead = this.#inOrder().filter(isAheadOf(desired));
    const others = [...this.#admitted.values(), ...ahead.map(({ holder: waiting }) => waiting)];
    const why = lacksRoom(next, others, this.#node);
    if (why !== undefined) return { resize: 'deferred', message: why };
    this.#granted.set(uid, next);
    this.#admitted.set(uid, { ...next, requests: larger(holder.requests, next.requests) });
    return { resize: 'granted' };
  }

  #tellVictims(): void {
    this.#victims.tell(this.#inOrder(), (uid) => this.#admitted.has(uid));
  }
}
