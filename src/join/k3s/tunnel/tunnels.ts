import type { Socket } from 'node:net';
import { Backoff } from '../../../lib/backoffCounter.ts';
import { type Clock, sleep } from '../../../lib/clock.ts';
import { errorMessage } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Trust } from '../ask.ts';
import type { Address, Servers } from '../servers.ts';
import { SilentError, TunnelSession } from './session.ts';
import { openWebSocket } from './webSocket.ts';

export interface TunnelsOptions {
  readonly servers: Servers;
  readonly trust: Trust;
  /** The node's client certificate as it is now. */
  readonly pair: () => { readonly cert: string; readonly key: string };
  readonly dial: (protocol: string, address: string) => Socket | undefined;
  /** Called when a server that had a tunnel is taken for dead though its connections stand. */
  readonly onLost: (address: Address) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

const PATH = '/v1-k3s/connect';
const RETRY = { initialMs: 1_000, maxMs: 15_000, jitter: 1 };
/** A tunnel that was open for as long as this was a success: the waits begin anew. */
const SUCCESS_MS = 10_000;

/** A tunnel to every supervisor, kept open: an API server finds this node's kubelet only through its own. */
export class Tunnels implements Disposable {
  readonly #options: TunnelsOptions;
  readonly #stops = new Map<Address, AbortController>();
  readonly #sessions = new Map<Address, TunnelSession>();
  #follow: Disposable | undefined;

  constructor(options: TunnelsOptions) {
    this.#options = options;
  }

  start(): this {
    this.#follow = this.#options.servers.onChange(() => this.#settle());
    this.#settle();
    return this;
  }

  /** The servers with an open tunnel. */
  connected(): Address[] {
    return [...this.#sessions.keys()];
  }

  [Symbol.dispose](): void {
    this.#follow?.[Symbol.dispose]();
    for (const stop of this.#stops.values()) stop.abort(new Error('the agent ends'));
    this.#stops.clear();
  }

  #settle(): void {
    const wanted = new Set(this.#options.servers.supervisors());
    for (const [address, stop] of this.#stops) {
      if (wanted.has(address)) continue;
      this.#stops.delete(address);
      stop.abort(new Error('the server left the cluster'));
    }
    for (const address of wanted) {
      if (this.#stops.has(address)) continue;
      const stop = new AbortController();
      this.#stops.set(address, stop);
      this.#keep(address, stop.signal).catch((error: unknown) => {
        if (!stop.signal.aborted)
          this.#options.log.error('tunnel ended', { server: address, error: errorMessage(error) });
      });
    }
  }

  async #keep(address: Address, signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const backoff = new Backoff(RETRY, random);
    for (let said = ''; ; ) {
      const began = clock.now().mono;
      const why = errorMessage(await this.#once(address, signal));
      signal.throwIfAborted();
      if (clock.now().mono - began >= SUCCESS_MS) backoff.reset();
      const wait = backoff.next();
      // A server that is away for a day says so once.
      if (why !== said)
        log.warn('no tunnel to the server; logs and exec through it fail until there is one', {
          server: address,
          error: why,
        });
      said = why;
      await sleep(clock, wait, signal);
    }
  }

  /** Resolves with why the tunnel ended, or was not opened. */
  async #once(address: Address, signal: AbortSignal): Promise<unknown> {
    const { trust, clock, log, pair, dial, onLost } = this.#options;
    try {
      const link = await openWebSocket({
        url: new URL(PATH, `https://${address}`),
        trust,
        pair: pair(),
        clock,
        signal,
      });
      const stop = () => link.end(new Error('the tunnel is not wanted any more'));
      signal.addEventListener('abort', stop, { once: true });
      const session = new TunnelSession({ link, dial, clock, log });
      if (signal.aborted) stop();
      this.#sessions.set(address, session);
      log.info('tunnel open', { server: address });
      const why = await session.over;
      signal.removeEventListener('abort', stop);
      this.#sessions.delete(address);
      if (why instanceof SilentError && !signal.aborted) onLost(address);
      return why;
    } catch (error) {
      return error;
    }
  }
}
