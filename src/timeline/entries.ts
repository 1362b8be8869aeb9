import type { Reason } from './reasons.ts';

/** Both clocks, ms. */
export interface At {
  readonly wall: number;
  readonly mono: number;
}

/** One thing that happened to a Pod, as the timeline keeps it. `end` is monotonic ms. */
export type Entry =
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

/** A list that forgets its oldest items beyond a size. */
export class Ring<T> {
  readonly #items: T[] = [];
  readonly #size: number;
  #dropped = 0;

  constructor(size: number) {
    this.#size = size;
  }

  push(item: T): void {
    this.#items.push(item);
    if (this.#items.length > this.#size * 1.25)
      this.#dropped += this.#items.splice(0, this.#items.length - this.#size).length;
  }

  get items(): readonly T[] {
    return this.#items;
  }

  /** How many were forgotten. */
  get dropped(): number {
    return this.#dropped;
  }
}
