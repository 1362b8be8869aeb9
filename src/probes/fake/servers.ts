import { readFileSync } from 'node:fs';
import type http from 'node:http';
import type net from 'node:net';

/** What a test needs of a server on loopback. */
export interface Running extends AsyncDisposable {
  readonly port: number;
}

/** Lets a server listen on a free loopback port; disposing cuts its connections. */
export function listen(server: net.Server | http.Server, host = '127.0.0.1'): Promise<Running> {
  const open = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => open.delete(socket));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      resolve({
        port: (server.address() as net.AddressInfo).port,
        async [Symbol.asyncDispose]() {
          for (const socket of open) socket.destroy();
          await new Promise<void>((done) => server.close(() => done()));
        },
      });
    });
  });
}

/**
 * Counts the IPv4 sockets of this machine that have come to wait in TIME_WAIT with this port at either end since it was called: the port may
 * have been another connection's a moment before.
 */
export function newTimeWaits(port: number): () => number {
  const before = new Set(timeWaits(port));
  return () => timeWaits(port).filter((ends) => !before.has(ends)).length;
}

/** Both ends of each. */
function timeWaits(port: number): string[] {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  return rows.flatMap(([, local = '', remote = '', state]) =>
    state === '06' && (local.endsWith(hex) || remote.endsWith(hex)) ? [`${local} ${remote}`] : [],
  );
}
