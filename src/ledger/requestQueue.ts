import { KubeletError } from '../lib/errors.ts';
import type { StoredPod } from '../types/k8s.ts';
import { comesBefore, type Request } from './holders.ts';
import type { ReserveContext, Verdict } from './types.ts';

/** Pods that ask for a place and have no answer yet: one request a Pod, served in an order of their own. */
export class RequestQueue {
  readonly #requests = new Map<string, Request>();
  /** Requests that wait for Pods that run to ask before them. */
  readonly #held = new Set<string>();
  #sequence = 0;

  get size(): number {
    return this.#requests.size;
  }

  has(uid: string): boolean {
    return this.#requests.has(uid);
  }

  /** Takes a request; one of the same Pod from before rejects with `Superseded`. Settles as whoever serves the request says. */
  ask(pod: StoredPod, context: ReserveContext): Promise<Verdict> {
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    this.drop(pod.metadata.uid, 'Superseded');
    this.#requests.set(pod.metadata.uid, { pod, ...context, sequence: this.#sequence++, resolve, reject });
    return promise;
  }

  /** Gives a request up: it rejects with KubeletError of this code. */
  drop(uid: string, code: 'Released' | 'Superseded'): void {
    const request = this.#requests.get(uid);
    if (!request) return;
    this.take(uid);
    request.reject(new KubeletError(`The request of Pod ${uid} for a place was given up before its turn`, { code }));
  }

  /** Whether this very request is still to be answered. */
  isOpen(request: Request): boolean {
    return this.#requests.get(request.pod.metadata.uid) === request;
  }

  /** It is answered now. */
  take(uid: string): void {
    this.#requests.delete(uid);
    this.#held.delete(uid);
  }

  /** It stays, and is passed over until `freeHeld`. */
  hold(uid: string): void {
    this.#held.add(uid);
  }

  /** Nobody is passed over any more. False: nobody was. */
  freeHeld(): boolean {
    const any = this.#held.size > 0;
    this.#held.clear();
    return any;
  }

  /** Who is served next; while the ledger is closed only Pods with running containers are. */
  next(closed: boolean): Request | undefined {
    let first: Request | undefined;
    for (const request of this.#requests.values()) {
      if ((closed || this.#held.has(request.pod.metadata.uid)) && !request.hasRunningContainers) continue;
      if (!first || comesBefore(request, first)) first = request;
    }
    return first;
  }
}
