import type { Published } from './contract.ts';

/** What somebody waits for: that the Pod has the volume, or that it has it no more. */
type Waited = 'have' | 'leave';

interface Waiter {
  readonly kind: Waited;
  /** Its place among all that was asked of the volume. */
  readonly ask: number;
  resolve(published: Published | undefined): void;
  reject(error: unknown): void;
}

/** Whoever waits for a step of one volume, by Pod UID. */
export class StepWaiters {
  readonly #waiters = new Map<string, Set<Waiter>>();

  /** Settles with the next `resolve` or `reject` of this kind; rejects with the signal's reason when that comes first. */
  wait(uid: string, kind: Waited, ask: number, signal: AbortSignal): Promise<Published | undefined> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<Published | undefined>();
    const all = this.#waiters.get(uid) ?? new Set();
    this.#waiters.set(uid, all);
    const onAbort = () => {
      all.delete(waiter);
      reject(signal.reason);
    };
    const over = () => signal.removeEventListener('abort', onAbort);
    const waiter: Waiter = {
      kind,
      ask,
      resolve: (published) => {
        over();
        resolve(published);
      },
      reject: (error) => {
        over();
        reject(error);
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
    all.add(waiter);
    return promise;
  }

  /** What was waited for has come. */
  resolve(uid: string, kind: Waited, published: Published | undefined): void {
    for (const waiter of this.#take(uid, kind, Number.POSITIVE_INFINITY)) waiter.resolve(published);
  }

  /** A step failed: whoever asked before it began hears of it (`ask`); later ones wait for the next attempt. */
  reject(uid: string, kind: Waited, ask: number, error: unknown): void {
    for (const waiter of this.#take(uid, kind, ask)) waiter.reject(error);
  }

  #take(uid: string, kind: Waited, ask: number): Waiter[] {
    const all = this.#waiters.get(uid);
    const taken = [...(all ?? [])].filter((waiter) => waiter.kind === kind && waiter.ask <= ask);
    for (const waiter of taken) all!.delete(waiter);
    if (all?.size === 0) this.#waiters.delete(uid);
    return taken;
  }
}
