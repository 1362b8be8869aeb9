// The plug-ins' door: whoever puts a socket into plugins_registry is asked who it is and handed to the handler of its type.
import { type Clock, realClock } from '../lib/clock.ts';
import { Listeners } from '../lib/disposables.ts';
import type { Logger } from '../lib/logger.ts';
import { NameQueue } from '../lib/nameQueue.ts';
import type { PluginHandlers, PluginStatus } from './handler.ts';
import { PluginSocket, type PluginSocketContext } from './pluginSocket.ts';
import { REGISTRATION_TIMEOUTS, type RegistrationTimeouts } from './registration.ts';
import { SocketTree } from './socketTree.ts';

/** Where plug-ins are looked for, and who takes them into use. */
export interface PluginManagerOptions {
  /** `<root>/plugins_registry`; made if it is not there. */
  readonly directory: string;
  /** By plug-in type. A plug-in of another type is told that there is no handler, and tried again. */
  readonly handlers: PluginHandlers;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly timeouts?: Partial<RegistrationTimeouts>;
}

/**
 * Registers plug-ins (https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins): a socket that
 * appears is registered, one that is made anew is deregistered and registered, one that vanishes is deregistered. Failures are tried
 * again with back-off. Each socket has a life of its own, so one that hangs, lies or vanishes holds nobody else up.
 */
export class PluginManager implements AsyncDisposable {
  readonly #sockets = new Map<string, PluginSocket>();
  readonly #changes = new Listeners<[]>();
  readonly #context: PluginSocketContext;
  readonly #tree: SocketTree;
  #turns: Promise<void> = Promise.resolve();

  constructor(options: PluginManagerOptions) {
    const clock = options.clock ?? realClock;
    this.#context = {
      handlers: options.handlers,
      timeouts: { ...REGISTRATION_TIMEOUTS, ...options.timeouts },
      names: new NameQueue(),
      clock,
      log: options.log,
      random: options.random ?? Math.random,
      turn: () => this.#turn(),
      onChange: () => this.#changes.emit(),
    };
    this.#tree = new SocketTree({
      root: options.directory,
      clock,
      onMade: (path) => this.#made(path),
      onGone: (path) => void this.#gone(path),
    });
  }

  /** Begins to watch. What goes wrong is in `problems`; nothing is thrown. */
  start(): this {
    this.#tree.start();
    return this;
  }

  /** Every socket that is looked after and how it stands, by path. */
  plugins(): readonly PluginStatus[] {
    return [...this.#sockets.values()].map((socket) => socket.status()).sort((a, b) => (a.socket < b.socket ? -1 : 1));
  }

  /** What cannot be watched, and why, a sentence each. */
  problems(): readonly string[] {
    return this.#tree.problems();
  }

  /** Calls `listener` when `plugins()` has changed. */
  onChange(listener: () => void): Disposable {
    return this.#changes.add(listener);
  }

  /** Ends watching and attempts. Nothing is deregistered: the plug-ins go on, and the next agent finds them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#tree[Symbol.dispose]();
    await Promise.all([...this.#sockets.values()].map((socket) => socket.end()));
  }

  #made(path: string): void {
    let socket = this.#sockets.get(path);
    if (!socket) {
      socket = new PluginSocket(path, this.#context);
      this.#sockets.set(path, socket);
    }
    socket.made();
  }

  async #gone(path: string): Promise<void> {
    const socket = this.#sockets.get(path);
    if (!(await socket?.gone()) || this.#sockets.get(path) !== socket) return;
    this.#sockets.delete(path);
    this.#changes.emit();
  }

  /** One after the other, each in a turn of the event loop of its own; none waits for what another one began. */
  #turn(): Promise<void> {
    this.#turns = this.#turns.then(() => new Promise((resolve) => setImmediate(resolve)));
    return this.#turns;
  }
}
