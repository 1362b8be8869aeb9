import { disposable, Listeners } from '../lib/disposables.ts';

/**
 * How many objects of the API are followed for Pods. A Pod of a megabyte can name 30,000, and each costs a watch, here and at the API server.
 * `first` of each Pod are followed whatever other Pods do, so nobody can take an ordinary Pod's place.
 */
export interface FollowLimits {
  readonly ofPod: number;
  readonly first: number;
  readonly ofNode: number;
}

/** What a node follows, unless a test says otherwise. */
const FOLLOW_LIMITS: FollowLimits = { ofPod: 1_000, first: 32, ofNode: 8_000 };

/** Whether an object may be followed; disposed when nobody asks any more. `refused`: why it is not, as a sentence. */
export interface FollowPlace extends Disposable {
  readonly refused?: string;
}

/** The node's places for objects that Pods refer to. An object that several Pods follow takes one. */
export class FollowRoom {
  readonly #limits: FollowLimits;
  readonly #users = new Map<string, number>();
  readonly #waiting = new Listeners<[]>();
  #refused = 0;
  #telling = false;

  constructor(limits: FollowLimits = FOLLOW_LIMITS) {
    this.#limits = limits;
  }

  get followed(): number {
    return this.#users.size;
  }

  get refused(): number {
    return this.#refused;
  }

  /** A place for the object of that key, which is the Pod's `ordinal`th, from 0. */
  take(key: string, ordinal: number): FollowPlace {
    const { ofPod, first, ofNode } = this.#limits;
    if (ordinal >= ofPod) return this.#refuse(`the Pod refers to more than ${ofPod} objects of the API`);
    const users = this.#users.get(key) ?? 0;
    if (users === 0 && ordinal >= first && this.#users.size >= ofNode)
      return this.#refuse(
        `${ofNode} objects of the API are followed for the Pods of this node; it waits until one is let go`,
      );
    this.#users.set(key, users + 1);
    return disposable(() => this.#leave(key));
  }

  /** Calls after an object was let go while there was no room, never from within a call of this. */
  onRoom(listener: () => void): Disposable {
    return this.#waiting.add(listener);
  }

  #refuse(refused: string): FollowPlace {
    this.#refused += 1;
    const place = disposable(() => {
      this.#refused -= 1;
    });
    return Object.assign(place, { refused });
  }

  #leave(key: string): void {
    const users = this.#users.get(key) ?? 0;
    if (users > 1) return void this.#users.set(key, users - 1);
    this.#users.delete(key);
    if (this.#refused === 0 || this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#waiting.emit();
    });
  }
}
