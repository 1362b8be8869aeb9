import { createServer, type Server, type Socket } from 'node:net';
import { type DBusMessage, decodeMessage, encodeMessage, MESSAGE_TYPE, messageLength } from '../message.ts';
import type { DBusValue } from '../signature.ts';

/** How a fake answers one call. */
export interface FakeReply {
  reply(signature?: string, body?: readonly DBusValue[]): void;
  /** `errorName` is D-Bus' own. */
  fail(errorName: string, text: string): void;
}

/** A signal that a fake sends. */
export interface FakeSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature: string;
  readonly body: readonly DBusValue[];
}

/** The far side of D-Bus connections on a unix socket, as far as fakes need it: authentication, calls, signals. */
export class FakePeer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #authenticated = new WeakSet<Socket>();
  readonly #answer: (call: DBusMessage, out: FakeReply) => void;
  #serial = 0;

  private constructor(server: Server, answer: (call: DBusMessage, out: FakeReply) => void) {
    this.#server = server;
    this.#answer = answer;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async listen(path: string, answer: (call: DBusMessage, out: FakeReply) => void): Promise<FakePeer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new FakePeer(server, answer);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Sends a signal to everybody who is connected. */
  signal(signal: FakeSignal): void {
    for (const socket of this.#sockets)
      if (this.#authenticated.has(socket))
        socket.write(encodeMessage({ type: MESSAGE_TYPE.signal, serial: ++this.#serial, ...signal }));
  }

  /** Ends all connections. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let rest = Buffer.alloc(0);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!this.#authenticated.has(socket)) {
        const begin = rest.indexOf('BEGIN\r\n');
        if (begin < 0) {
          const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
          const known = rest.toString('latin1').startsWith(`\0AUTH EXTERNAL ${user}\r\n`);
          socket.write(known ? 'OK 0123456789abcdef\r\n' : 'REJECTED EXTERNAL\r\n');
          return;
        }
        this.#authenticated.add(socket);
        rest = rest.subarray(begin + 7);
      }
      for (;;) {
        const length = messageLength(rest);
        if (length === undefined || rest.length < length) return;
        const message = decodeMessage(rest.subarray(0, length));
        rest = rest.subarray(length);
        this.#answer(message, this.#replies(socket, message));
      }
    });
  }

  #replies(socket: Socket, { serial: replySerial }: DBusMessage): FakeReply {
    const send = (message: Pick<DBusMessage, 'type' | 'errorName' | 'signature' | 'body'>) =>
      socket.write(encodeMessage({ ...message, serial: ++this.#serial, replySerial }));
    return {
      reply: (signature = '', body = []) => void send({ type: MESSAGE_TYPE.reply, signature, body }),
      fail: (errorName, text) => void send({ type: MESSAGE_TYPE.error, errorName, signature: 's', body: [text] }),
    };
  }
}
