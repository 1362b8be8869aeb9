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

/** How many IPv4 sockets of this machine wait in TIME_WAIT with this port at either end. */
export function timeWaits(port: number): number {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return rows.filter((row) => row.includes(hex) && row.trim().split(/\s+/)[3] === '06').length;
}
