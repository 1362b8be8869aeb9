import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { seldom } from '../../lib/seldom.ts';
import type { Address } from './servers.ts';

export interface BalancerOptions {
  /** On 127.0.0.1. */
  readonly port: number;
  /** Where connections may go, the best first; asked for each. */
  readonly addresses: () => readonly Address[];
  readonly failed: (address: Address) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

const CONNECT_MS = 5_000;
/** Every process of the machine may connect; the agent itself needs some twenty. */
const MOST = 512;
const COMPLAIN_MS = 30_000;

/**
 * A door on loopback behind which are all API servers: a connection goes to the first that takes it, byte for byte, so TLS is between
 * the kubelet and the API server. When a server is gone, its connections end and the next ones find another.
 */
export class Balancer implements AsyncDisposable {
  readonly #options: BalancerOptions;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #byAddress = new Map<Socket, Address>();
  readonly #complain: (fields: Record<string, unknown>) => void;
  #clients = 0;
  #ended = false;

  private constructor(options: BalancerOptions) {
    this.#options = options;
    this.#complain = seldom(options.clock, COMPLAIN_MS, (fields) =>
      options.log.warn('no API server takes a connection', fields),
    );
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (client) =>
      this.#serve(client),
    );
  }

  /** Rejects with one sentence when the port cannot be had. */
  static async open(options: BalancerOptions): Promise<Balancer> {
    const balancer = new Balancer(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    balancer.#server.once('error', reject);
    balancer.#server.listen(options.port, '127.0.0.1', resolve);
    try {
      await promise;
    } catch (cause) {
      throw new KubeletError(
        `127.0.0.1:${options.port}, through which the API servers are reached, cannot be had: ${errorMessage(cause)}; end what listens there (a k3s agent?), or give another --lb-server-port`,
        { code: 'BalancerPort', cause },
      );
    }
    balancer.#server.on('error', () => {});
    return balancer;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Ends the connections to servers that are no longer among the addresses. */
  dropOthers(): void {
    const kept = new Set(this.#options.addresses());
    for (const [socket, address] of this.#byAddress) if (!kept.has(address)) socket.destroy();
  }

  /** This server is known to be dead though its connections do not show it. */
  drop(address: Address): void {
    for (const [socket, to] of this.#byAddress) if (to === address) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  #serve(client: Socket): void {
    if (this.#clients >= MOST) {
      client.destroy();
      return;
    }
    this.#clients++;
    client.once('close', () => this.#clients--);
    this.#keep(client);
    this.#connect(client).catch(() => client.destroy());
  }

  async #connect(client: Socket): Promise<void> {
    let last: unknown = new Error('none is known');
    for (const address of this.#options.addresses()) {
      if (client.destroyed || this.#ended) return;
      try {
        const server = await this.#dial(address, client);
        this.#byAddress.set(server, address);
        server.once('close', () => this.#byAddress.delete(server));
        join(client, server);
        return;
      } catch (error) {
        last = error;
        this.#options.failed(address);
      }
    }
    this.#complain({ error: errorMessage(last) });
    client.destroy();
  }

  #dial(address: Address, client: Socket): Promise<Socket> {
    const { hostname, port } = new URL(`tcp://${address}`);
    return new Promise((resolve, reject) => {
      const server = createConnection({
        host: hostname.replace(/^\[|\]$/g, ''),
        port: Number(port),
        allowHalfOpen: true,
        noDelay: true,
      });
      this.#keep(server);
      const leave = () => server.destroy(new Error('the client is gone'));
      const timer = this.#options.clock.setTimer(CONNECT_MS, () =>
        server.destroy(new Error(`no answer within ${CONNECT_MS / 1000} s`)),
      );
      client.once('close', leave);
      const settle = () => {
        timer[Symbol.dispose]();
        client.off('close', leave);
      };
      server.once('connect', () => {
        settle();
        resolve(server);
      });
      server.once('close', () => {
        settle();
        reject(new Error(`${address} closed the connection`));
      });
      server.once('error', (error) => {
        settle();
        reject(error);
      });
    });
  }

  #keep(socket: Socket): void {
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    // What goes wrong shows in the end of the connection.
    socket.on('error', () => {});
  }
}

/** Each side's end is passed on; when one side breaks, the other does too. */
function join(client: Socket, server: Socket): void {
  client.once('close', () => server.destroy());
  server.once('close', () => client.destroy());
  if (client.destroyed || server.destroyed) {
    client.destroy();
    server.destroy();
    return;
  }
  client.pipe(server);
  server.pipe(client);
  client.resume();
}
