import { createServer, type Server, type Socket } from 'node:net';
import { decodeMessage, encodeMessage, MESSAGE_TYPE, type Message, messageLength } from '../../dbus/message.ts';
import type { DBusValue, Variant } from '../../dbus/signature.ts';

const MANAGER = 'org.freedesktop.systemd1.Manager';
const ERROR = 'org.freedesktop.systemd1.';

/** A unit of the fake. */
export interface FakeUnit {
  readonly properties: Map<string, Variant>;
}

/** An in-process systemd on a unix socket: slices by StartTransientUnit, SetUnitProperties, StopUnit, ResetFailedUnit; with the bus's own calls. */
export class FakeSystemd implements AsyncDisposable {
  readonly units = new Map<string, FakeUnit>();
  /** Every call in the order of arrival: `StartTransientUnit kubepods.slice`. */
  readonly calls: string[] = [];
  /** Called when a unit starts or stops, before its job ends: here a test makes or removes directories. */
  onStart: (name: string) => Promise<void> = async () => {};
  onStop: (name: string) => Promise<void> = async () => {};
  version = '257.9-1~deb13u1';
  /** How jobs end. */
  jobResult = 'done';
  /** Send JobRemoved before the reply that names the job: what a bus with two connections may show. */
  signalFirst = false;
  /** Neither replies nor signals while true. */
  silent = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #serial = 0;
  #job = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#serve(socket));
  }

  static async listen(path: string): Promise<FakeSystemd> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return new FakeSystemd(server);
  }

  /** Ends all connections, as a daemon-reexec does. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    let rest = Buffer.alloc(0);
    let authenticated = false;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!authenticated) {
        const begin = rest.indexOf('BEGIN\r\n');
        if (begin < 0) {
          const user = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
          const known = rest.toString('latin1').startsWith(`\0AUTH EXTERNAL ${user}\r\n`);
          socket.write(known ? 'OK 0123456789abcdef\r\n' : 'REJECTED EXTERNAL\r\n');
          return;
        }
        authenticated = true;
        rest = rest.subarray(begin + 7);
      }
      for (;;) {
        const length = messageLength(rest);
        if (length === undefined || rest.length < length) return;
        const message = decodeMessage(rest.subarray(0, length));
        rest = rest.subarray(length);
        void this.#answer(socket, message);
      }
    });
  }

  async #answer(socket: Socket, call: Message): Promise<void> {
    const [name] = (call.body ?? []) as [string];
    this.calls.push(`${call.member} ${name ?? ''}`.trim());
    if (this.silent) return;
    switch (call.member) {
      case 'StartTransientUnit':
        if (this.units.has(name)) return this.#fail(socket, call, `${ERROR}UnitExists`, `Unit ${name} already exists.`);
        return this.#start(socket, call, name);
      case 'SetUnitProperties':
        if (!this.units.has(name)) return this.#fail(socket, call, `${ERROR}NoSuchUnit`, `Unit ${name} not loaded.`);
        this.#set(name, call.body![2]!);
        return this.#reply(socket, call);
      case 'StopUnit':
        if (!this.units.has(name)) return this.#fail(socket, call, `${ERROR}NoSuchUnit`, `Unit ${name} not loaded.`);
        await this.onStop(name);
        this.units.delete(name);
        return this.#runJob(socket, call, name);
      case 'ResetFailedUnit':
        if (!this.units.has(name)) return this.#fail(socket, call, `${ERROR}NoSuchUnit`, `Unit ${name} not loaded.`);
        return this.#reply(socket, call);
      case 'Get':
        return this.#reply(socket, call, 'v', [{ signature: 's', value: this.version }]);
      case 'Hello':
        return this.#reply(socket, call, 's', [':1.1']);
      default:
        return this.#reply(socket, call);
    }
  }

  async #start(socket: Socket, call: Message, name: string): Promise<void> {
    this.units.set(name, { properties: new Map() });
    this.#set(name, call.body![2]!);
    await this.onStart(name);
    this.#runJob(socket, call, name);
  }

  #set(name: string, properties: DBusValue): void {
    for (const [key, value] of properties as [string, Variant][]) this.units.get(name)!.properties.set(key, value);
  }

  #runJob(socket: Socket, call: Message, unit: string): void {
    const job = `/org/freedesktop/systemd1/job/${++this.#job}`;
    const signal = {
      type: MESSAGE_TYPE.signal,
      serial: ++this.#serial,
      path: '/org/freedesktop/systemd1',
      interface: MANAGER,
      member: 'JobRemoved',
      signature: 'uoss',
      body: [this.#job, job, unit, this.jobResult],
    };
    if (this.signalFirst) socket.write(encodeMessage(signal));
    this.#reply(socket, call, 'o', [job]);
    if (!this.signalFirst) setImmediate(() => socket.write(encodeMessage(signal)));
  }

  #reply(socket: Socket, { serial }: Message, signature = '', body: readonly DBusValue[] = []): void {
    const reply = { type: MESSAGE_TYPE.reply, serial: ++this.#serial, replySerial: serial, signature, body };
    socket.write(encodeMessage(reply));
  }

  #fail(socket: Socket, { serial }: Message, errorName: string, text: string): void {
    const reply = { type: MESSAGE_TYPE.error, serial: ++this.#serial, replySerial: serial, errorName };
    socket.write(encodeMessage({ ...reply, signature: 's', body: [text] }));
  }
}
