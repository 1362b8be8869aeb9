import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Clock } from '../../../lib/clock.ts';
import { errorMessage, KubeletError, toError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import { decodeFrame, encodeFrame, type TunnelFrame } from './frames.ts';
import { LocalConnection } from './localConnection.ts';
import type { WebSocketLink } from './webSocket.ts';

export interface SessionOptions {
  readonly link: WebSocketLink;
  /** Opens a connection to the kubelet; undefined when it is not what a tunnel may lead to. */
  readonly dial: (protocol: string, address: string) => Socket | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const PING_MS = 5_000;
const SILENCE_MS = 60_000;
const SYNC_MS = 60_000;
/** More at once than an API server has streams to one node; all together may hold so much that the kubelet has not taken yet. */
const MOST_CONNECTIONS = 1024;
const MOST_BYTES = 64 << 20;

/** Nothing has come for so long that the server is taken for dead, though its connections stand. */
export class SilentError extends KubeletError {
  constructor() {
    super(`the server was silent for ${SILENCE_MS / 1000} s`, { code: 'TunnelSilent' });
  }
}

/**
 * One open tunnel: the server says which connections to open, and bytes go both ways until either side is done. What one connection's
 * other end does not take holds up that connection alone (pause and resume); what the server does not take holds up all reading.
 */
export class TunnelSession {
  readonly #options: SessionOptions;
  readonly #connections = new Map<bigint, LocalConnection>();
  readonly #over = Promise.withResolvers<Error>();
  #number = randomBytes(8).readBigInt64LE() & 0x3fff_ffff_ffff_ffffn;
  #timers: Disposable[] = [];
  #lastLife: number;
  #full = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#lastLife = options.clock.now().mono;
    const { link } = options;
    link.onMessage = (payload) => this.#take(payload);
    link.onLife = () => {
      this.#lastLife = options.clock.now().mono;
    };
    link.onDrain = () => {
      this.#full = false;
      for (const connection of this.#connections.values()) connection.readOn();
    };
    link.onEnd = (error) => this.#end(error);
    this.#every(PING_MS, () => this.#beat());
    this.#every(SYNC_MS, () => this.#write({ kind: 'sync', connections: [...this.#connections.keys()] }));
  }

  /** Resolves with the reason when the tunnel has ended; its connections have too. */
  get over(): Promise<Error> {
    return this.#over.promise;
  }

  /** How many connections are open. */
  get size(): number {
    return this.#connections.size;
  }

  /** True while the server does not take what is sent. */
  get full(): boolean {
    return this.#full;
  }

  /** Bytes that the kubelet has not taken yet, of all connections. */
  get waiting(): number {
    let bytes = 0;
    for (const connection of this.#connections.values()) bytes += connection.waiting;
    return bytes;
  }

  #every(ms: number, act: () => void): void {
    const at = this.#timers.length;
    const arm = () => {
      this.#timers[at] = this.#options.clock.setTimer(ms, () => {
        arm();
        act();
      });
    };
    arm();
  }

  #beat(): void {
    const { clock, link } = this.#options;
    if (clock.now().mono - this.#lastLife >= SILENCE_MS) link.end(new SilentError());
    else link.ping();
  }

  #write(frame: Exclude<TunnelFrame, { kind: 'unknown' }>): void {
    if (!this.#options.link.send(encodeFrame(frame, this.#number++))) this.#full = true;
  }

  #take(payload: Buffer): void {
    const frame = decodeFrame(payload);
    if (frame.kind === 'sync') {
      const kept = new Set(frame.connections);
      for (const [id, connection] of this.#connections) if (!kept.has(id)) this.#forget(id, connection);
      return;
    }
    if (frame.kind === 'unknown') return;
    if (frame.kind === 'connect') {
      this.#connect(frame.connection, frame.protocol, frame.address);
      return;
    }
    const connection = this.#connections.get(frame.connection);
    if (frame.kind === 'error') {
      if (connection) this.#forget(frame.connection, connection);
    } else if (!connection) {
      if (frame.kind === 'data') this.#refuse(frame.connection, `connection not found: ${frame.connection}`);
    } else if (frame.kind === 'data') {
      if (connection.waiting > 0 && this.waiting + frame.body.length > MOST_BYTES)
        connection.fail('the kubelet takes nothing, and the tunnel holds as much as it may');
      else connection.take(frame.body);
    } else if (frame.kind === 'pause') connection.pause();
    else connection.resume();
  }

  #connect(id: bigint, protocol: string, address: string): void {
    if (this.#connections.has(id)) {
      // Numbers are the server's to give; one given twice would mix two streams.
      this.#connections.get(id)!.fail('the number of this connection was given to another one');
      this.#refuse(id, 'the number is taken');
      return;
    }
    if (this.#connections.size >= MOST_CONNECTIONS) {
      this.#refuse(id, 'too many connections');
      return;
    }
    const socket = this.#dial(protocol, address);
    if (!socket) {
      this.#options.log.warn('the server asked the tunnel for what it does not lead to', { protocol, address });
      this.#refuse(id, 'connect not allowed');
      return;
    }
    const connection = new LocalConnection({
      socket,
      clock: this.#options.clock,
      full: () => this.#full,
      send: (frame) => this.#write({ ...frame, connection: id } as Exclude<TunnelFrame, { kind: 'unknown' }>),
      onOver: () => {
        if (this.#connections.get(id) === connection) this.#connections.delete(id);
      },
    });
    this.#connections.set(id, connection);
  }

  #dial(protocol: string, address: string): Socket | undefined {
    try {
      return this.#options.dial(protocol, address);
    } catch (error) {
      this.#options.log.warn('no connection for the tunnel', { error: errorMessage(error) });
      return undefined;
    }
  }

  #refuse(connection: bigint, message: string): void {
    this.#write({ kind: 'error', connection, message });
  }

  /** The server is done with it: what has come still goes to the kubelet. */
  #forget(id: bigint, connection: LocalConnection): void {
    this.#connections.delete(id);
    connection.finish();
  }

  #end(error: Error): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    for (const connection of [...this.#connections.values()]) connection.finish();
    this.#connections.clear();
    this.#over.resolve(toError(error));
  }
}
