import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

/** With which client CA each TLS connection is checked: the one of the moment at which TCP was accepted. */
export class ConnectionEpochs {
  /** Node does not tell which TCP connection a TLS one runs on, so they are matched by their addresses. */
  readonly #accepted = new Map<string, number>();
  readonly #secured = new WeakMap<object, number>();

  /** Notes each new connection of an HTTPS server. `epoch`: of the CA that a handshake that begins now is checked with. */
  follow(server: EventEmitter, epoch: () => number): void {
    server.on('connection', (socket: Socket) => {
      const key = addresses(socket);
      if (key === undefined) return;
      // The handshake may end long after a reload, and is checked with the CA of now nonetheless.
      this.#accepted.set(key, epoch());
      socket.once('close', () => this.#accepted.delete(key));
    });
    server.on('secureConnection', (socket: Socket) => {
      const seen = this.#accepted.get(addresses(socket) ?? '');
      if (seen !== undefined) this.#secured.set(socket, seen);
    });
  }

  /** 0, which no CA has, for a connection that is not known: its chain is then checked again. */
  of(socket: object): number {
    return this.#secured.get(socket) ?? 0;
  }
}

/** Undefined when the client has gone already. */
function addresses({ remoteAddress, remotePort, localAddress, localPort }: Socket): string | undefined {
  return remoteAddress && `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
