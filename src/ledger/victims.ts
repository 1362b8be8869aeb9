import { Listeners } from '../lib/disposables.ts';
import { toVictim, uidOf, type Waiter } from './holders.ts';
import type { Victim } from './types.ts';

/** Pods that must go so that others can be admitted: each is told once. */
export class Victims {
  readonly #listeners = new Listeners<[victim: Victim, preemptor: string, lacking: string | undefined]>();
  readonly #told = new Set<string>();

  /** Tells each Pod that must go; `preemptor`: the UID of the Pod that needs its place. */
  onVictim(listener: (victim: Victim, preemptor: string, lacking: string | undefined) => void): Disposable {
    return this.#listeners.add(listener);
  }

  /** The Pod goes by itself: nobody is told that it must. */
  spare(uid: string): void {
    this.#told.add(uid);
  }

  /** The Pod has given up what it held. */
  forget(uid: string): void {
    this.#told.delete(uid);
  }

  /** Tells whoever these wait for and still has its place. */
  tell(waiters: readonly Waiter[], isAdmitted: (uid: string) => boolean): void {
    for (const waiter of waiters) {
      for (const victim of waiter.victims) {
        if (this.#told.has(uidOf(victim)) || !isAdmitted(uidOf(victim))) continue;
        this.#told.add(uidOf(victim));
        this.#listeners.emit(toVictim(victim), uidOf(waiter.holder), waiter.lacking);
      }
    }
  }
}
