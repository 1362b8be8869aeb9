import type { Reason } from './reasons.ts';

/** Both clocks, ms. */
export interface At {
  readonly wall: number;
  readonly mono: number;
}

/** One thing that happened to a Pod, as the timeline keeps it. `end` is monotonic ms. */
export type TimelineEntry =
  | { readonly kind: 'heard'; readonly at: At; readonly origin: string; readonly createdAt?: number }
  | { readonly kind: 'phase'; readonly at: At; readonly phase: string }
  | { readonly kind: 'reasons'; readonly at: At; readonly reasons: readonly Reason[] }
  | {
      readonly kind: 'action';
      readonly at: At;
      readonly action: string;
      readonly slot: string;
      readonly end: number;
      readonly error?: string;
    }
  | {
      readonly kind: 'status';
      readonly at: At;
      readonly summary: string;
      readonly end?: number;
      readonly error?: string;
    }
  | { readonly kind: 'runtime'; readonly at: At; readonly what: string }
  | { readonly kind: 'event'; readonly at: At; readonly reason: string; readonly message: string };

/** What an item adds to the memory of the list behind the one before it, and what it weighs alone; bytes. */
export interface Weight {
  readonly added: number;
  readonly full: number;
}

/** A list that forgets its oldest items beyond a number of items and of bytes. The newest one stays whatever it weighs. */
export class Ring<T> {
  readonly #items: T[] = [];
  readonly #weights: Weight[] = [];
  readonly #size: number;
  readonly #maxBytes: number;
  #bytes = 0;
  #dropped = 0;

  constructor(size: number, maxBytes = Number.POSITIVE_INFINITY) {
    this.#size = size;
    this.#maxBytes = maxBytes;
  }

  push(item: T, weight: Weight = { added: 0, full: 0 }): void {
    this.#items.push(item);
    this.#weights.push(weight);
    this.#bytes += this.#items.length === 1 ? weight.full : weight.added;
    while (this.#items.length > this.#size || (this.#bytes > this.#maxBytes && this.#items.length > 1))
      this.dropOldest();
  }

  /** What it shared with the next item is that one's from then on. */
  dropOldest(): void {
    if (this.#items.length === 0) return;
    this.#items.shift();
    this.#bytes -= this.#weights.shift()?.full ?? 0;
    const first = this.#weights[0];
    if (first) this.#bytes += first.full - first.added;
    this.#dropped++;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many were forgotten. */
  get dropped(): number {
    return this.#dropped;
  }
}
