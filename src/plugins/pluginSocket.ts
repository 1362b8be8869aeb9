// The life of one registration socket: registered, tried again, registered anew, deregistered; one step after the other.
import { Backoff } from '../lib/backoffCounter.ts';
import { sleep } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PluginInfo, PluginStatus } from './handler.ts';
import { deregisterPlugin, type Registered, type RegistrationContext, registerPlugin } from './registration.ts';

/** kubelet's waits between attempts, with jitter. */
const BACKOFF = { initialMs: 500, maxMs: 122_000, jitter: 0.2 };

/** What the sockets of one directory have in common. */
export interface PluginSocketContext extends RegistrationContext {
  readonly log: Logger;
  readonly random: () => number;
  /** Resolves when it is this socket's turn to begin: a thousand at once must not hold the event loop. */
  turn(): Promise<void>;
  /** Called at each change of a status. */
  onChange(): void;
}

/** One socket. Nothing runs before `made` is called. */
export class PluginSocket {
  readonly path: string;
  readonly #context: PluginSocketContext;
  readonly #log: Logger;
  readonly #backoff: Backoff;
  #status: PluginStatus;
  /** How often the socket was made; 0: it is gone. */
  #made = 0;
  #makings = 0;
  #registered: (Registered & { readonly made: number }) | undefined;
  /** Aborted at each change of what is wanted. */
  #changed = new AbortController();
  #running: Promise<void> | undefined;
  #ending = false;
  #lastTold: string | undefined;

  constructor(path: string, context: PluginSocketContext) {
    this.path = path;
    this.#context = context;
    this.#log = context.log.child({ socket: path });
    this.#backoff = new Backoff(BACKOFF, context.random);
    this.#status = { socket: path, state: 'registering', attempts: 0, since: context.clock.now().wall };
  }

  /** How it stands. */
  status(): PluginStatus {
    return this.#status;
  }

  /** The socket was made, or made anew: whatever was registered through it is deregistered first. */
  made(): void {
    this.#made = ++this.#makings;
    this.#backoff.reset();
    this.#enter({ state: 'registering', attempts: 0 });
    this.#wake();
    this.#running ??= this.#run();
  }

  /** The socket is gone. Resolves when all is undone; false if it was made again before that. */
  async gone(): Promise<boolean> {
    this.#made = 0;
    this.#wake();
    await this.#running;
    return this.#made === 0;
  }

  /** Lets go of the socket as it is: nothing is deregistered, because the agent ends and not the plug-in. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#wake();
    await this.#running;
  }

  #wake(): void {
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  async #run(): Promise<void> {
    while (!this.#ending) {
      const { signal } = this.#changed;
      const registered = this.#registered;
      if (registered && registered.made !== this.#made) await this.#deregister(registered);
      else if (this.#made === 0) break;
      else if (registered) await aborted(signal);
      else await this.#register(this.#made, signal);
    }
    this.#running = undefined;
  }

  async #register(made: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    await this.#context.turn();
    if (signal.aborted) return;
    const attempts = this.#status.attempts + 1;
    let { plugin } = this.#status;
    this.#enter({ ...this.#status, state: 'registering', attempts, retryAt: undefined }); // with why the one before failed
    try {
      const registered = await registerPlugin(this.#context, this.path, signal, (info) => {
        plugin = info;
      });
      this.#registered = { ...registered, made };
      this.#backoff.reset();
      if (signal.aborted) return;
      this.#enter({ state: 'registered', attempts, plugin: registered.plugin });
      this.#log.info('plug-in registered', named(plugin));
    } catch (error) {
      if (signal.aborted) return;
      const waitMs = this.#backoff.next();
      const sentence = errorMessage(error);
      this.#tell(sentence, plugin, attempts, waitMs);
      this.#enter({ state: 'failed', attempts, plugin, error: sentence, retryAt: clock.now().wall + waitMs });
      await sleep(clock, waitMs, signal).catch(() => {});
    }
  }

  /** Said aloud once for each sentence; an attempt that fails as the one before is only of interest to who looks closely. */
  #tell(error: string, plugin: PluginInfo | undefined, attempt: number, waitMs: number): void {
    const fields = { ...named(plugin), error, attempt, retryInMs: Math.round(waitMs) };
    if (error === this.#lastTold) this.#log.debug('plug-in registration failed again', fields);
    else this.#log.warn('plug-in registration failed', fields);
    this.#lastTold = error;
  }

  async #deregister(registered: Registered): Promise<void> {
    const { plugin } = registered;
    this.#enter({ state: 'deregistering', attempts: this.#status.attempts, plugin });
    this.#registered = undefined;
    try {
      await deregisterPlugin(this.#context, registered);
      this.#log.info('plug-in deregistered', named(plugin));
    } catch (error) {
      this.#log.warn('plug-in deregistration failed', { ...named(plugin), error: errorMessage(error) });
    }
    if (this.#made !== 0) this.#enter({ state: 'registering', attempts: 0 });
  }

  #enter(state: Omit<PluginStatus, 'socket' | 'since'>): void {
    this.#status = { ...state, socket: this.path, since: this.#context.clock.now().wall };
    this.#context.onChange();
  }
}

const named = (plugin: PluginInfo | undefined) => (plugin ? { type: plugin.type, name: plugin.name } : {});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
