// A gRPC server on a unix socket: kubelet's own sockets, and what tests stand in for runtimes and plug-ins with.
import type { Server as NetServer, Socket } from 'node:net';
import { createServer } from 'node:net';
import * as grpc from '@grpc/grpc-js';
import { type Clock, realClock } from '../lib/clock.ts';
import type { ServedService } from './service.ts';
import { listenOnSocket } from './socketFile.ts';

/** What is served, where, and to how many. */
export interface RpcServerOptions {
  /** Where the socket is made; its directory must exist. */
  readonly path: string;
  readonly services: readonly ServedService[];
  /** The socket's file mode. Default: 0o600. */
  readonly mode?: number;
  /** Longest message that is accepted or sent, in bytes; a longer one is ResourceExhausted. Default: 4 MiB, as Go's servers accept. */
  readonly maxMessageBytes?: number;
  /** Most connections at one time; more are closed at once. Default: 256. */
  readonly maxConnections?: number;
  /** Most calls under way on one connection; more wait in the client. Default: 100. */
  readonly maxCallsPerConnection?: number;
  readonly clock?: Clock;
}

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_CONNECTIONS = 256;
const MAX_CALLS = 100;

/** A server that listens. Disposing it is `close(0)`. */
export class RpcServer implements AsyncDisposable {
  readonly path: string;
  readonly #clock: Clock;
  readonly #grpc: grpc.Server;
  readonly #net: NetServer;
  readonly #file: AsyncDisposable;
  readonly #sockets: Set<Socket>;
  #closing: Promise<void> | undefined;

  /** For `startRpcServer`. */
  constructor(
    options: RpcServerOptions,
    rpc: grpc.Server,
    net: NetServer,
    file: AsyncDisposable,
    sockets: Set<Socket>,
  ) {
    this.path = options.path;
    this.#clock = options.clock ?? realClock;
    this.#grpc = rpc;
    this.#net = net;
    this.#file = file;
    this.#sockets = sockets;
  }

  /** Breaks every connection; new ones are welcome. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes no new connection and no new call, removes the socket, and breaks after `graceMs` what is still under way. Safe to repeat. */
  close(graceMs = 0): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    await this.#file[Symbol.asyncDispose]();
    if (graceMs > 0) await this.#drain(closed, graceMs);
    this.dropConnections();
    this.#grpc.forceShutdown();
    await closed;
  }

  /** Until the last call has ended and its connection with it; grpc-js's own callback comes before that. */
  async #drain(closed: Promise<void>, graceMs: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    using _grace = this.#clock.setTimer(graceMs, late.resolve);
    this.#grpc.tryShutdown(() => {});
    await Promise.race([closed, late.promise]);
  }
}

/** Starts a server; rejects with a SocketFileError if the path cannot be used. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const bytes = options.maxMessageBytes ?? MAX_MESSAGE_BYTES;
  const rpc = new grpc.Server({
    'grpc.max_receive_message_length': bytes,
    'grpc.max_send_message_length': bytes,
    'grpc.max_concurrent_streams': options.maxCallsPerConnection ?? MAX_CALLS,
  });
  for (const service of options.services) rpc.addService(service.definition, service.implementation);
  // grpc-js binds sockets with the process's umask and unlinks what it finds; connections are handed to it instead.
  const injector = rpc.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const net = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    injector.injectConnection(socket);
  });
  net.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  const file = await listenOnSocket(net, options.path, options.mode ?? 0o600);
  return new RpcServer(options, rpc, net, file, sockets);
}
