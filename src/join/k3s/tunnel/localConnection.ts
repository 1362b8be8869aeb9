import type { Socket } from 'node:net';
import { bounded } from '../../../lib/bounded.ts';
import type { Clock } from '../../../lib/clock.ts';
import { errorMessage } from '../../../lib/errors.ts';

export interface LocalConnectionOptions {
  readonly socket: Socket;
  readonly clock: Clock;
  /** Whether the tunnel takes nothing at the moment; `readOn` says when it does. */
  readonly full: () => boolean;
  readonly send: (
    frame: { kind: 'data'; body: Buffer } | { kind: 'error'; message: string } | { kind: 'pause' } | { kind: 'resume' },
  ) => void;
  /** Called once, after the last frame. */
  readonly onOver: () => void;
}

/**
 * Bytes that the kubelet has not taken: above the first the server is asked to pause, above the second, which is more than can be on its
 * way when it hears that, the connection is ended.
 */
const PAUSE_ABOVE = 2 << 20;
const END_ABOVE = 16 << 20;
const RESUME_BELOW = 256 << 10;
const CHUNK = 32 << 10;
/** A connection on loopback opens at once, or never. */
const CONNECT_MS = 10_000;
/** What has come before the end is given to the kubelet for as long as this. */
const FINISH_MS = 10_000;

/** One connection of a tunnel, at this end: the kubelet's socket. */
export class LocalConnection {
  readonly #options: LocalConnectionOptions;
  #timer: Disposable;
  #over = false;
  /** The server asked for a pause. */
  #paused = false;
  /** We asked the server for one. */
  #asked = false;

  constructor(options: LocalConnectionOptions) {
    this.#options = options;
    const { socket, clock } = options;
    this.#timer = clock.setTimer(CONNECT_MS, () =>
      this.fail(`the kubelet did not take the connection within ${CONNECT_MS / 1000} s`),
    );
    socket.once('connect', () => {
      if (!this.#over) this.#timer[Symbol.dispose]();
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#leave('EOF'));
    socket.on('error', (error) => this.#leave(errorMessage(error)));
    socket.on('close', () => {
      this.#leave('EOF');
      this.#timer[Symbol.dispose]();
    });
  }

  /** Bytes that came from the server and the kubelet has not taken. */
  get waiting(): number {
    return this.#options.socket.writableLength;
  }

  /** Bytes from the server. */
  take(body: Buffer): void {
    if (this.#over || body.length === 0) return;
    const { socket, send } = this.#options;
    if (this.waiting + body.length > END_ABOVE) {
      this.fail('the kubelet does not take what is sent, and the other end does not pause');
      return;
    }
    socket.write(body, () => {
      if (!this.#asked || this.#over || this.waiting >= RESUME_BELOW) return;
      this.#asked = false;
      send({ kind: 'resume' });
    });
    if (this.#asked || this.waiting <= PAUSE_ABOVE) return;
    this.#asked = true;
    send({ kind: 'pause' });
  }

  /** The server takes no more of this connection. */
  pause(): void {
    this.#paused = true;
    this.#options.socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.readOn();
  }

  /** The tunnel takes bytes again. */
  readOn(): void {
    if (!this.#paused && !this.#over && !this.#options.full()) this.#options.socket.resume();
  }

  /** Ends it at once and tells the server why. */
  fail(why: string): void {
    this.#leave(why);
    this.#options.socket.destroy();
  }

  /** The server has ended it: the kubelet gets what has come, then its end. */
  finish(): void {
    if (this.#over) return;
    this.#close();
    const { socket, clock } = this.#options;
    this.#timer = clock.setTimer(FINISH_MS, () => socket.destroy());
    // Nobody hears any more what the kubelet says; it must not wait for a reader.
    socket.removeAllListeners('data');
    socket.resume();
    socket.end(() => socket.destroy());
  }

  #read(chunk: Buffer): void {
    if (this.#over) return;
    const { send, full, socket } = this.#options;
    for (let at = 0; at < chunk.length; at += CHUNK) send({ kind: 'data', body: chunk.subarray(at, at + CHUNK) });
    if (full()) socket.pause();
  }

  /** This end is over: the server is told, once. */
  #leave(why: string): void {
    if (this.#over) return;
    this.#options.send({ kind: 'error', message: bounded(why, 100) });
    this.#close();
    this.#options.socket.destroySoon();
  }

  #close(): void {
    this.#over = true;
    this.#timer[Symbol.dispose]();
    this.#options.onOver();
  }
}
