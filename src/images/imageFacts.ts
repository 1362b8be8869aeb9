import { Listeners } from '../lib/disposables.ts';
import type { ImageRequest } from './imageRequest.ts';
import { nextBackOff } from './rules/backOff.ts';
import { without } from './rules/imageFact.ts';
import type { ImageFact } from './types.ts';

/** Which image for which Pod. */
type Place = Pick<ImageRequest, 'podUid' | 'image'>;

/** What is known of images, by Pod and the name that it has for each; back-offs included. Facts are frozen and replaced as a whole. */
export class ImageFacts {
  readonly #facts = new Map<string, Map<string, ImageFact>>();
  readonly #changes = new Listeners<[podUid: string, fact: ImageFact]>();

  /** What is known of an image for a Pod. */
  get(podUid: string, image: string): ImageFact {
    return this.#facts.get(podUid)?.get(image) ?? { ref: image, present: 'unknown' };
  }

  /** All that is known for a Pod. */
  of(podUid: string): readonly ImageFact[] {
    return [...(this.#facts.get(podUid)?.values() ?? [])];
  }

  /** Whether anything is known for the Pod: false also when it has gone meanwhile. */
  has(podUid: string): boolean {
    return this.#facts.has(podUid);
  }

  /** Keeps the fact, tells it, and returns it. */
  set({ podUid, image }: Place, fact: ImageFact): ImageFact {
    const facts = this.#facts.get(podUid) ?? new Map<string, ImageFact>();
    facts.set(image, Object.freeze(fact));
    this.#facts.set(podUid, facts);
    this.#changes.emit(podUid, fact);
    return fact;
  }

  /** A call failed at `at` (monotonic ms): the next one waits longer than the one before. */
  fail(place: Place, failure: { readonly reason: string; readonly message: string }, at: number): ImageFact {
    const base = without(this.get(place.podUid, place.image), 'pulling');
    return this.set(place, { ...base, failure: { ...failure, at, delayMs: nextBackOff(base.failure, at) } });
  }

  /** Forgets a Pod. */
  forget(podUid: string): void {
    this.#facts.delete(podUid);
  }

  /** Tells every changed fact. */
  onFact(listener: (podUid: string, fact: ImageFact) => void): Disposable {
    return this.#changes.add(listener);
  }
}
