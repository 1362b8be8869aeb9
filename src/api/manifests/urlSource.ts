import { request } from 'undici';
import { type Clock, realClock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { PodChange } from '../podSource.types.ts';
import { MAX_MANIFEST_BYTES } from './fileSource.ts';
import type { LocalObject, ManifestProblem } from './manifestContent.ts';
import { type StaticPodOptions, type StaticPodSource, StaticPods } from './staticPods.ts';

const TIMEOUT_MS = 10_000;

export interface UrlSourceOptions extends StaticPodOptions {
  /** `staticPodURL`. */
  readonly url: string;
  /** `staticPodURLHeader`: secrets, never shown. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** How often it is read (`httpCheckFrequency`), in milliseconds. */
  readonly periodMs: number;
}

/** Static Pods from a URL that is read again and again. An answer that cannot be used leaves the Pods of before. */
export class UrlPodSource implements StaticPodSource {
  readonly name = 'http';
  readonly #options: UrlSourceOptions;
  readonly #clock: Clock;
  readonly #static: StaticPods;
  readonly #abort = new AbortController();
  /** The URL without what may be secret in it: this is what sentences and annotations show. */
  readonly #location: string;
  #timer: Disposable | undefined;

  constructor(options: UrlSourceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? realClock;
    this.#static = new StaticPods('http', options);
    const { origin, pathname } = new URL(options.url);
    this.#location = origin + pathname;
  }

  start(): this {
    void this.#poll();
    return this;
  }

  synced(): boolean {
    return this.#static.synced();
  }

  pods(): ReadonlyMap<string, StoredPod> {
    return this.#static.pods();
  }

  subscribe(listener: (change: PodChange) => void): Disposable {
    return this.#static.changes.add(listener);
  }

  problems(): readonly ManifestProblem[] {
    return this.#static.problems();
  }

  onProblems(listener: (problems: readonly ManifestProblem[]) => void): Disposable {
    return this.#static.problemChanges.add(listener);
  }

  onWarnings(listener: (warnings: readonly ManifestProblem[]) => void): Disposable {
    return this.#static.warnings.add(listener);
  }

  object(kind: 'ConfigMap' | 'Secret', namespace: string, name: string): LocalObject | undefined {
    return this.#static.object(kind, namespace, name);
  }

  onObject(listener: (object: LocalObject) => void): Disposable {
    return this.#static.objectChanges.add(listener);
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
    this.#timer?.[Symbol.dispose]();
  }

  async #poll(): Promise<void> {
    const { periodMs } = this.#options;
    try {
      const text = await this.#fetch();
      if (this.#abort.signal.aborted) return;
      if (text === '') {
        // An empty answer is an answer: the source has been seen, and what ran goes on.
        this.#static.fail(this.#location, 'gave an empty answer');
        this.#static.markSynced();
      } else {
        this.#static.set(this.#location, text);
        if (this.#static.problems().length === 0) this.#static.markSynced();
      }
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.#static.fail(this.#location, `cannot be read: ${errorMessage(error)}`);
    }
    this.#timer = this.#clock.setTimer(periodMs, () => void this.#poll());
  }

  async #fetch(): Promise<string> {
    const headers = Object.fromEntries(
      Object.entries(this.#options.headers).map(([name, values]) => [name, [...values]]),
    );
    const { statusCode, body } = await request(this.#options.url, {
      headers,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.any([this.#abort.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`the server answered ${statusCode}`);
    }
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += (chunk as Buffer).length;
      if (size > MAX_MANIFEST_BYTES) throw new Error(`the answer is longer than ${MAX_MANIFEST_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
}
