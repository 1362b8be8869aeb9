import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP relay on loopback in front of a server. Its faults look like those of a network: `blackhole` swallows every byte of old
 * and new connections without closing anything, `stop` refuses connections and cuts the old ones, keeping the port number.
 */
export class Wire implements AsyncDisposable {
  readonly #target: number;
  readonly #pairs = new Set<[Socket, Socket]>();
  #server: Server | undefined;
  #blackhole = false;
  port = 0;

  constructor(target: number) {
    this.#target = target;
  }

  /** Listens; after a stop on the same port again. */
  async start(): Promise<void> {
    const server = createServer({ noDelay: true }, (near) => this.#accept(near));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Resets every connection. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
    this.#pairs.clear();
  }

  /** How many connections stand. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** While on, bytes vanish in both directions. What vanished is lost: the connections are broken for good. */
  set blackhole(on: boolean) {
    this.#blackhole = on;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #accept(near: Socket): void {
    const far = connect({ port: this.#target, host: '127.0.0.1', noDelay: true });
    const pair: [Socket, Socket] = [near, far];
    this.#pairs.add(pair);
    let broken = false;
    const relay = (from: Socket, to: Socket) => {
      from.on('data', (chunk) => {
        if (this.#blackhole) broken = true;
        if (broken || to.destroyed) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
      });
      from.on('end', () => {
        if (!broken) to.end();
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#pairs.delete(pair);
        if (!broken) to.destroy();
      });
    };
    relay(near, far);
    relay(far, near);
  }
}
