// The sockets of a gRPC channel, kept in hand: grpc-js closes those that finished their HTTP/2 greeting, and leaves one whose peer
// never answers it open for ever, also after the channel was closed. A peer that is silent on purpose would cost a socket an attempt.
import type { Socket } from 'node:net';
import * as grpc from '@grpc/grpc-js';

/** Credentials of a plain channel, which destroy its sockets when they are disposed. */
export class ChannelSockets implements Disposable {
  readonly credentials: grpc.ChannelCredentials;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor() {
    this.credentials = grpc.credentials.createInsecure();
    const create = this.credentials._createSecureConnector.bind(this.credentials);
    this.credentials._createSecureConnector = (...args) => {
      const connector = create(...args);
      return {
        connect: (socket) => {
          this.#take(socket);
          return connector.connect(socket);
        },
        waitForReady: () => connector.waitForReady(),
        getCallCredentials: () => connector.getCallCredentials(),
        destroy: () => connector.destroy(),
      };
    };
  }

  /** For after the channel was closed. What was written before, cancellations above all, is still sent. */
  [Symbol.dispose](): void {
    this.#closed = true;
    setImmediate(() => {
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  #take(socket: Socket): void {
    if (this.#closed) socket.destroy();
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
