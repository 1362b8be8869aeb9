import type { Clock } from '../../lib/clock.ts';
import { KubeletError } from '../../lib/errors.ts';
import type { CertificateManager } from './certificateManager.ts';

/** Kubelet's exitAfter: a node without a valid certificate for this long ends, so that somebody can give it new credentials. */
const EXIT_AFTER_MS = 5 * 60_000;

/**
 * Calls `onFatal` once when there has been no valid client certificate for five minutes although the API server answers. While the
 * server does not answer, a restart would not help: the guard then looks again after each failed attempt to renew.
 */
export class ExpiryGuard implements Disposable {
  readonly #manager: CertificateManager;
  readonly #clock: Clock;
  readonly #onFatal: (error: Error) => void;
  readonly #own = new DisposableStack();
  readonly #since: number;
  #timer: Disposable | undefined;
  #done = false;

  constructor(manager: CertificateManager, clock: Clock, onFatal: (error: Error) => void) {
    this.#manager = manager;
    this.#clock = clock;
    this.#onFatal = onFatal;
    this.#since = clock.now().wall;
    this.#own.use(manager.onChange(() => this.#look()));
    this.#own.use(manager.onFailure(() => this.#look()));
    this.#look();
  }

  [Symbol.dispose](): void {
    this.#done = true;
    this.#timer?.[Symbol.dispose]();
    this.#own.dispose();
  }

  #look(): void {
    if (this.#done) return;
    this.#timer?.[Symbol.dispose]();
    const now = this.#clock.now().wall;
    const pair = this.#manager.current();
    if (pair) this.#lastValid = pair.notAfter;
    const end = (this.#lastValid ?? this.#since) + EXIT_AFTER_MS;
    if (now < end) {
      this.#timer = this.#clock.setTimer(end - now, () => this.#look());
    } else if (this.#manager.serverAnswers()) {
      this.#done = true;
      const why = this.#manager.problem() ?? 'no renewal came';
      const sentence = `no valid client certificate for five minutes though the API server answers (${why})`;
      this.#onFatal(
        new KubeletError(`${sentence}: give the node new bootstrap credentials`, { code: 'CertificateExpired' }),
      );
    }
  }

  #lastValid: number | undefined;
}
