import { createServer, type Server } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import { KeptServer } from './http/keptServer.ts';

const PATHS: ReadonlySet<string> = new Set(['/healthz', '/healthz/ping']);
/** As in the Go kubelet. */
const RETRY_MS = 5_000;

/** The health endpoint of kubelet on :10248: plain HTTP, "ok" while the program lives. */
export class Healthz implements AsyncDisposable {
  readonly #parts: { readonly server: Server; readonly clock: Clock; readonly log: Logger };
  #kept: KeptServer | undefined;

  constructor(clock: Clock, log: Logger) {
    const server = createServer((request, response) => {
      const known = PATHS.has(request.url?.split('?')[0] ?? '');
      response.writeHead(known ? 200 : 404, {
        'content-type': 'text/plain; charset=utf-8',
        'x-content-type-options': 'nosniff',
      });
      response.end(request.method === 'HEAD' ? undefined : known ? 'ok' : '404 page not found\n');
    });
    this.#parts = { server, clock, log };
  }

  /**
   * Serves at `host:port`; port 0 serves nothing. Resolves after the first try and never rejects: a port that is taken is logged
   * and tried again every 5 s, so that nobody keeps the agent down by holding it.
   */
  serve(host: string, port: number): Promise<void> {
    if (port === 0) return Promise.resolve();
    const { server, clock, log } = this.#parts;
    const failed = (error: Error) => {
      log.error('the health endpoint cannot listen; free its port or set healthzPort; it is tried again in 5 s', {
        address: host,
        port,
        error: errorMessage(error),
      });
      return RETRY_MS;
    };
    const begin = () => void server.listen(port, host);
    this.#kept = new KeptServer({ name: 'healthz', server, clock, log, begin, failed });
    return this.#kept.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kept?.[Symbol.asyncDispose]();
  }
}
