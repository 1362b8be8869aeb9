import { goQuote } from '../../k8s/goText.ts';
import type { IdSpace } from './idSpace.ts';

/**
 * Who has which range of ids. All ranges are `idsPerPod` long, and no two Pods ever share one: a process that gets out of one Pod's
 * user namespace must not be anybody in another's. Errors are kubelet's sentences.
 */
export class IdRanges {
  readonly idsPerPod: number;
  readonly #offset: number;
  readonly #count: number;
  readonly #used = new Set<number>();
  readonly #firstOf = new Map<string, number>();

  /** `space` must have passed checkIdSpace. */
  constructor(space: IdSpace, idsPerPod: number) {
    this.idsPerPod = idsPerPod;
    this.#offset = Math.floor(space.first / idsPerPod);
    this.#count = Math.floor(space.length / idsPerPod);
  }

  /** The first id of the Pod's range. */
  of(uid: string): number | undefined {
    return this.#firstOf.get(uid);
  }

  /**
   * Gives the Pod a range that is free, and returns its first id. The search begins at `random` (from 0 to below 1) of the way, as
   * kubelet's does: what one Pod left behind does not fall to the next. Throws when there is none.
   */
  take(uid: string, random: number): number {
    const start = Math.floor(random * this.#count);
    for (let step = 0; this.#used.size < this.#count && step < this.#count; step++) {
      const index = (start + step) % this.#count;
      if (!this.#used.has(index)) return this.#give(uid, index);
    }
    throw new Error('could not find an empty slot to allocate a user namespace');
  }

  /** Takes down that the Pod has these ids from before. Throws when it cannot have them. */
  record(uid: string, first: number, length: number): void {
    if (length !== this.idsPerPod) throw new Error(`wrong user namespace length ${length}`);
    if (first % this.idsPerPod !== 0) throw new Error(`wrong user namespace offset specified ${first}`);
    const known = this.#firstOf.get(uid);
    if (known !== undefined && known !== first) {
      throw new Error(`different user namespace range already used by pod ${goQuote(uid)}`);
    }
    const index = first / this.idsPerPod - this.#offset;
    if (index < 0 || index >= this.#count) throw new Error(`id ${first} is out of range`);
    if (known !== undefined) return;
    if (this.#used.has(index)) throw new Error(`range picked for pod ${goQuote(uid)} already taken`);
    this.#give(uid, index);
  }

  /** The Pod's range is free again. True when it had one. */
  release(uid: string): boolean {
    const first = this.#firstOf.get(uid);
    if (first === undefined) return false;
    this.#firstOf.delete(uid);
    this.#used.delete(first / this.idsPerPod - this.#offset);
    return true;
  }

  #give(uid: string, index: number): number {
    const first = (index + this.#offset) * this.idsPerPod;
    this.#used.add(index);
    this.#firstOf.set(uid, first);
    return first;
  }
}
