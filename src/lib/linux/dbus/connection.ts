import { connect, type Socket } from 'node:net';
import { errorMessage, KubeletError } from '../../errors.ts';
import { type DBusMessage, decodeMessage, encodeMessage, MESSAGE_TYPE, messageLength } from './message.ts';
import type { DBusValue } from './signature.ts';

/** A method to call and its arguments. */
export interface MethodCall {
  /** Left out on a connection that leads straight to its peer, without a bus between. */
  readonly destination?: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly DBusValue[];
}

/** The peer answered with an error. `errorName` is D-Bus' own, e.g. `org.freedesktop.systemd1.UnitExists`. */
export class DBusCallError extends KubeletError {
  readonly errorName: string;

  constructor(call: MethodCall, errorName: string, text: string) {
    super(`${call.interface}.${call.member} failed: ${text || errorName}`, { code: 'DBusCall' });
    this.errorName = errorName;
  }
}

/** The connection ended, or could not be made; another one may work. */
export class DBusClosedError extends KubeletError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'DBusClosed', cause });
  }
}

interface Pending {
  readonly call: MethodCall;
  readonly resolve: (body: readonly DBusValue[]) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** One authenticated connection over a unix socket: method calls side by side, and signals. It keeps no process alive by itself. */
export class DBusConnection implements Disposable {
  readonly #socket: Socket;
  readonly #where: string;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(signal: DBusMessage) => void>();
  readonly #closeListeners = new Set<(error: DBusClosedError) => void>();
  #serial = 0;
  #rest: Buffer;
  #closed = false;

  private constructor(socket: Socket, where: string, rest: Buffer) {
    this.#socket = socket;
    this.#where = where;
    this.#rest = rest;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end());
    socket.unref();
  }

  /** Connects and authenticates as this process's user (SASL EXTERNAL). Rejects with DBusClosedError. */
  static async open(path: string, timeoutMs: number): Promise<DBusConnection> {
    const socket = connect(path);
    try {
      const rest = await authenticate(socket, timeoutMs);
      return new DBusConnection(socket, path, rest);
    } catch (error) {
      socket.destroy();
      throw new DBusClosedError(`cannot connect to D-Bus at ${path}: ${errorMessage(error)}`, error);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The reply's values. Rejects with DBusCallError, or with DBusClosedError when the connection ends first or no answer comes in time. */
  call(call: MethodCall, timeoutMs: number): Promise<readonly DBusValue[]> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new DBusClosedError(`the D-Bus connection to ${this.#where} is closed`);
      const serial = ++this.#serial;
      const bytes = encodeMessage({ type: MESSAGE_TYPE.call, serial, ...call });
      const timer = setTimeout(() => {
        this.#settle(serial)?.reject(
          new DBusClosedError(`${this.#where} did not answer ${call.member} within ${timeoutMs} ms`),
        );
      }, timeoutMs);
      this.#pending.set(serial, { call, resolve, reject, timer });
      this.#socket.write(bytes);
    });
  }

  /** Called with every signal, in the order of arrival and before any later reply resolves. */
  onSignal(listener: (signal: DBusMessage) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Called once, when the connection ends. */
  onClose(listener: (error: DBusClosedError) => void): Disposable {
    this.#closeListeners.add(listener);
    return { [Symbol.dispose]: () => void this.#closeListeners.delete(listener) };
  }

  [Symbol.dispose](): void {
    this.#end();
  }

  #receive(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      for (;;) {
        const length = messageLength(this.#rest);
        if (length === undefined || this.#rest.length < length) return;
        const message = decodeMessage(this.#rest.subarray(0, length));
        this.#rest = this.#rest.subarray(length);
        this.#dispatch(message);
      }
    } catch (error) {
      this.#end(error);
    }
  }

  #dispatch(message: DBusMessage): void {
    if (message.type === MESSAGE_TYPE.signal) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    if (message.replySerial === undefined) return; // a call from the peer: we offer nothing
    const pending = this.#settle(message.replySerial);
    if (message.type === MESSAGE_TYPE.reply) pending?.resolve(message.body ?? []);
    else pending?.reject(new DBusCallError(pending.call, message.errorName ?? '', String(message.body?.[0] ?? '')));
  }

  #settle(serial: number): Pending | undefined {
    const pending = this.#pending.get(serial);
    clearTimeout(pending?.timer);
    this.#pending.delete(serial);
    return pending;
  }

  #end(cause?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    const why = cause === undefined ? '' : `: ${errorMessage(cause)}`;
    const error = new DBusClosedError(`the D-Bus connection to ${this.#where} ended${why}`, cause);
    for (const serial of [...this.#pending.keys()]) this.#settle(serial)?.reject(error);
    for (const listener of this.#closeListeners) listener(error);
  }
}

/** The line protocol before the messages; returns bytes that came after it. */
function authenticate(socket: Socket, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      socket.removeAllListeners();
    };
    const fail = (error: Error) => {
      settle();
      reject(error);
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('it was closed')));
    socket.on('connect', () => {
      const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
      socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
    });
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const end = received.indexOf('\r\n');
      if (end < 0) return;
      const line = received.subarray(0, end).toString();
      if (!line.startsWith('OK ')) {
        fail(new Error(`it refused: ${line}`));
        return;
      }
      settle();
      socket.write('BEGIN\r\n');
      resolve(received.subarray(end + 2));
    });
  });
}
