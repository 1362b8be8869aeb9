import { type Clock, sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Servers } from './servers.ts';
import type { Supervisor } from './supervisor.ts';

export interface ServerListOptions {
  readonly servers: Servers;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

const PERIOD_MS = 60_000;

/** Learns which servers came and went: a node may ask a supervisor for the list, and not watch it. */
export class ServerList implements Disposable {
  readonly #options: ServerListOptions;
  readonly #stop = new AbortController();

  constructor(options: ServerListOptions) {
    this.#options = options;
  }

  start(): this {
    this.#run().catch((error: unknown) => {
      if (!this.#stop.signal.aborted)
        this.#options.log.error('the list of servers is not followed any more', { error: errorMessage(error) });
    });
    return this;
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error('the agent ends'));
  }

  async #run(): Promise<void> {
    const { servers, supervisor, clock, log, random } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      try {
        servers.update(await listApiServers(supervisor, signal));
      } catch (error) {
        signal.throwIfAborted();
        log.debug('no list of servers', { error: errorMessage(error) });
      }
      await sleep(clock, PERIOD_MS * (0.9 + 0.2 * random()), signal);
    }
  }
}

/** The API servers' addresses, as a supervisor tells them. */
export async function listApiServers(supervisor: Supervisor, signal: AbortSignal): Promise<string[]> {
  const json: unknown = JSON.parse((await supervisor.get('/v1-k3s/apiservers', signal)).toString('utf8'));
  return Array.isArray(json) ? json.slice(0, 64).filter((each): each is string => typeof each === 'string') : [];
}
