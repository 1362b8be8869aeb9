import type { ApiClient } from '../../api/client.ts';
import { Backoff } from '../../lib/backoffCounter.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { CertificateSubject } from './certificateRequest.ts';
import { type KeyPair, keyText, newKey, readPair } from './keyPair.ts';
import type { PairStore } from './pairStore.ts';
import { mismatch, notBefore, rotationDeadline } from './rotation.ts';
import { answered, requestCertificate, type Signer } from './signing.ts';

/** What a certificate is kept with. */
export interface CertificateManagerOptions {
  readonly store: PairStore;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
  /** Whom the certificate must be for; undefined while that is not known yet. */
  readonly subject: () => CertificateSubject | undefined;
  /** Who asks: `current` while it is valid, other credentials without it. */
  readonly client: (current: KeyPair | undefined) => ApiClient | Promise<ApiClient>;
  /** Serves until the first renewal, which follows at once, when the store has nothing valid (kubeadm's control-plane nodes). */
  readonly initial?: { readonly cert: string; readonly key: string };
}

/** The steps of client-go: five attempts that double from 2 s, then one each 32 s. */
const RETRY = { initialMs: 2000, maxMs: 32_000, jitter: 0.1 };
const ISSUE_TIMEOUT_MS = 15 * 60_000;

/**
 * Keeps one certificate: asks the cluster for it, stores it and renews it with a new key at 70 to 90 % of its life, or at once when
 * it must be for other names. The old one serves until the new one is there.
 */
export class CertificateManager implements Disposable {
  readonly #options: CertificateManagerOptions;
  readonly #random: () => number;
  readonly #stop = new AbortController();
  readonly #changes = new Listeners<[]>();
  readonly #failures = new Listeners<[]>();
  #pair: KeyPair | undefined;
  #due: number | undefined;
  #asked: string | undefined;
  #issuedFor: string | undefined;
  #wake = Promise.withResolvers<void>();
  #attempt: AbortController | undefined;
  #problem: string | undefined;
  #serverAnswers = false;

  private constructor(options: CertificateManagerOptions, pair: KeyPair | undefined, renewNow: boolean) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#pair = pair;
    if (renewNow) this.#due = 0;
  }

  /** Reads the stored pair. Throws when it is there and cannot be used. */
  static async open(options: CertificateManagerOptions): Promise<CertificateManager> {
    const now = options.clock.now().wall;
    const stored = await options.store.current();
    if (stored && stored.notAfter > now) return new CertificateManager(options, stored, false);
    if (!options.initial) return new CertificateManager(options, undefined, true);
    const pair = readPair(options.initial.cert, options.initial.key, 'the kubeconfig');
    if (pair.cert !== stored?.cert) await options.store.update(pair.cert, pair.key, now);
    return new CertificateManager(options, pair, true);
  }

  /** The pair in force; undefined while there is none that is valid. */
  current(): KeyPair | undefined {
    return this.#pair && this.#pair.notAfter > this.#options.clock.now().wall ? this.#pair : undefined;
  }

  /** Called after a new pair is in force and stored. */
  onChange(listener: () => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Called after a failed attempt; `problem` says why. */
  onFailure(listener: () => void): Disposable {
    return this.#failures.add(listener);
  }

  /** Why the last attempt failed, or what it waits for; undefined when all is well. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Whether the API server, and not something in between, answered the last attempt. */
  serverAnswers(): boolean {
    return this.#serverAnswers;
  }

  /** Asks and renews until disposed. */
  start(): void {
    void this.#run();
  }

  /** The subject may have changed: look at it again. */
  subjectChanged(): void {
    const subject = this.#options.subject();
    if (!subject || JSON.stringify(subject) === this.#asked) return;
    if (this.#pair && mismatch(this.#pair, subject) === undefined) return;
    this.#attempt?.abort(new Error('the names of the node changed'));
    this.#wake.resolve();
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the certificate manager ended'));
    this.#wake.resolve();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const subject = this.#options.subject();
      const wait = subject ? this.#dueAt(subject) - clock.now().wall : undefined;
      if (subject && wait !== undefined && wait <= 0) {
        await this.#renew(subject);
        continue;
      }
      await this.#rest(wait);
    }
  }

  /** Until the time is up (for ever without one) or somebody wakes. */
  async #rest(ms: number | undefined): Promise<void> {
    const timer = ms === undefined ? undefined : this.#options.clock.setTimer(ms, () => this.#wake.resolve());
    await this.#wake.promise;
    timer?.[Symbol.dispose]();
    this.#wake = Promise.withResolvers<void>();
  }

  #dueAt(subject: CertificateSubject): number {
    const pair = this.current();
    // A signer may leave names out; asking it again for the same would be a loop.
    const asWanted = pair && (JSON.stringify(subject) === this.#issuedFor || mismatch(pair, subject) === undefined);
    if (!asWanted) return 0;
    this.#due ??= rotationDeadline(pair, this.#random());
    return this.#due;
  }

  /** Tries until it succeeds, the names change or the manager ends. */
  async #renew(subject: CertificateSubject): Promise<void> {
    const { log, clock, signer } = this.#options;
    const backoff = new Backoff(RETRY, this.#random);
    const attempt = new AbortController();
    this.#attempt = attempt;
    const signal = AbortSignal.any([this.#stop.signal, attempt.signal]);
    while (!signal.aborted) {
      try {
        await this.#once(subject, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#serverAnswers = answered(error, this.#serverAnswers);
        this.#problem = errorMessage(error);
        log.warn('no new certificate', { signer, error: this.#problem });
        this.#failures.emit();
      }
      await sleep(clock, backoff.next(), signal).catch(() => {});
    }
  }

  async #once(subject: CertificateSubject, signal: AbortSignal): Promise<void> {
    const { client, clock, signer, store, log } = this.#options;
    const key = await newKey();
    const cert = await requestCertificate({
      client: await client(this.current()),
      clock,
      signer,
      subject,
      key,
      timeoutMs: ISSUE_TIMEOUT_MS,
      signal,
      onRequested: (name) => {
        this.#asked = JSON.stringify(subject);
        this.#problem = `the certificate signing request ${name} waits for approval or its signer`;
        log.info('certificate requested', { signer, request: name });
      },
    });
    this.#pair = await store.update(cert, keyText(key), clock.now().wall);
    const lacks = mismatch(this.#pair, subject);
    if (lacks) log.warn('the signer issued another certificate than was asked for', { signer, lacks });
    this.#issuedFor = JSON.stringify(subject);
    this.#due = notBefore(clock.now().wall, rotationDeadline(this.#pair, this.#random()), this.#pair);
    this.#problem = undefined;
    this.#serverAnswers = true;
    const expires = new Date(this.#pair.notAfter).toISOString();
    log.info('certificate issued', { signer, expires, renewal: new Date(this.#due).toISOString() });
    this.#changes.emit();
  }
}
