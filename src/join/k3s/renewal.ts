import type { KeyPair } from '../../config/certificates/keyPair.ts';
import { rotationDeadline } from '../../config/certificates/rotation.ts';
import { Backoff } from '../../lib/backoffCounter.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { CertificateUse } from './nodeCertificate.ts';

export interface RenewalOptions {
  readonly pairs: Readonly<Record<CertificateUse, KeyPair>>;
  /** Asks for a new certificate and writes it. */
  readonly request: (use: CertificateUse, signal: AbortSignal) => Promise<KeyPair>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

const RETRY = { initialMs: 5_000, maxMs: 600_000, jitter: 1 };
/** A machine without a battery learns the date after its start: due times are looked at again although nothing else happens. */
const LOOK_AGAIN_MS = 6 * 3_600_000;
/** Between two renewals, however short a server's certificates live. */
const PAUSE_MS = 10_000;

/**
 * Renews the node's certificates between 70 and 90 % of their lives. k3s' own agent does so only when it starts. Whoever uses the
 * files (the kubelet's server, the connection to the API server) follows them, so nothing starts anew and no connection is dropped.
 */
export class Renewal implements Disposable {
  readonly #options: RenewalOptions;
  readonly #stop = new AbortController();

  constructor(options: RenewalOptions) {
    this.#options = options;
  }

  start(): this {
    for (const use of ['serving', 'client'] as const) {
      this.#keep(use, this.#options.pairs[use]).catch((error: unknown) => {
        if (!this.#stop.signal.aborted) this.#options.log.error('renewal ended', { use, error: errorMessage(error) });
      });
    }
    return this;
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the renewal of certificates ended'));
  }

  async #keep(use: CertificateUse, first: KeyPair): Promise<void> {
    const { clock, random } = this.#options;
    const { signal } = this.#stop;
    for (let pair = first; !signal.aborted; ) {
      const due = rotationDeadline(pair, random());
      for (let left = due - clock.now().wall; left > 0; left = due - clock.now().wall)
        await sleep(clock, Math.min(left, LOOK_AGAIN_MS), signal);
      pair = await this.#renew(use, pair);
      await sleep(clock, PAUSE_MS, signal);
    }
  }

  async #renew(use: CertificateUse, old: KeyPair): Promise<KeyPair> {
    const { clock, random, log, request } = this.#options;
    const { signal } = this.#stop;
    const backoff = new Backoff(RETRY, random);
    for (;;) {
      try {
        const pair = await request(use, signal);
        log.info('certificate renewed', { use, expires: new Date(pair.notAfter).toISOString() });
        return pair;
      } catch (error) {
        signal.throwIfAborted();
        const expires = new Date(old.notAfter).toISOString();
        log.warn('no new certificate; the old one serves until it expires', {
          use,
          expires,
          error: errorMessage(error),
        });
      }
      await sleep(clock, backoff.next(), signal);
    }
  }
}
