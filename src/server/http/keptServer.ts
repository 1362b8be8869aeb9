import type { Server } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { toError } from '../../lib/errors.ts';
import { type AcceptErrorLog, onAcceptErrors } from './acceptErrors.ts';

export interface KeptServerOptions extends AcceptErrorLog {
  readonly server: Server;
  readonly clock: Clock;
  /** Begins to listen, such as `server.listen(port, host)`. Called again after each failure, never while the server listens. */
  begin(): void | Promise<void>;
  /** Hears why it does not listen; returns after how many ms it is tried again. `failures` in a row, 1 is the first. */
  failed(error: Error, failures: number): number;
}

/** A server that nobody can keep the agent down with: where it cannot listen it goes on trying, and no error of it is thrown. */
export class KeptServer implements AsyncDisposable {
  readonly #options: KeptServerOptions;
  #failures = 0;
  #timer: Disposable | undefined;
  #trying: Promise<void> = Promise.resolve();
  #disposed = false;

  constructor(options: KeptServerOptions) {
    this.#options = options;
    onAcceptErrors(options.server, options);
  }

  /** Resolves when the first try is through, whether it listens or not. Never rejects. To be called once. */
  start(): Promise<void> {
    const { server } = this.#options;
    const tried = Promise.withResolvers<void>();
    server.on('listening', () => {
      this.#failures = 0;
      tried.resolve();
    });
    server.on('error', (error) => {
      tried.resolve();
      if (!server.listening) this.#retry(error);
    });
    this.#try(tried.resolve);
    return tried.promise;
  }

  #try(failed?: () => void): void {
    const { server, begin } = this.#options;
    if (this.#disposed || server.listening) return;
    this.#trying = (async () => begin())().catch((error: unknown) => {
      failed?.();
      this.#retry(toError(error));
    });
  }

  #retry(error: Error): void {
    if (this.#disposed) return;
    this.#failures += 1;
    const ms = this.#options.failed(error, this.#failures);
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#options.clock.setTimer(ms, () => this.#try());
  }

  /** Ends every connection, and resolves when nothing listens any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#trying;
    const { server } = this.#options;
    server.closeAllConnections();
    await new Promise<void>((done) => server.close(() => done()));
  }
}
