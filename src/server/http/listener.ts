import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { type AcceptErrorLog, onAcceptErrors } from './acceptErrors.ts';
import type { Crowd } from './crowd.ts';
import type { RequestHandler } from './handler.ts';

/** Limits of kubelet's server: 1 MiB of headers, idle connections closed after 90 s. */
const LIMITS = {
  maxHeaderSize: 1 << 20,
  keepAliveTimeout: 90_000,
  headersTimeout: 60_000,
  requestTimeout: 0,
} as const;
/** A client that opens TLS and then says nothing is let go. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How long a refused client may take to close its side. */
const LINGER_MS = 5_000;

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** Absent: plain HTTP. */
  readonly tls?: TlsOptions;
  readonly handler: RequestHandler;
  /** Where connections that could not be accepted are told. */
  readonly accept: AcceptErrorLog;
  /** Hears of each connection, whatever becomes of it. */
  readonly crowd: Pick<Crowd, 'opened' | 'closed'>;
  /** Whether a request for another protocol is taken up on; others are answered as if they had not asked. */
  upgrades(request: IncomingMessage): boolean;
}

/** A listening server. Disposing ends every connection. */
export interface Listener extends AsyncDisposable {
  readonly server: Server | SecureServer;
  readonly port: number;
  /** Connections that have gone over to another protocol. */
  readonly upgraded: ReadonlySet<Duplex>;
}

/** Listens. Rejects with one sentence when the address cannot be had. */
export function listen(options: ListenerOptions): Promise<Listener> {
  const { host, port, tls, handler } = options;
  const shared = { ...LIMITS, shouldUpgradeCallback: options.upgrades };
  const server = tls
    ? createSecureServer({ ...shared, ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT_MS, allowHalfOpen: true })
    : createServer(shared);
  onAcceptErrors(server, options.accept);
  const upgraded = new Set<Duplex>();
  server.on('connection', (socket: Socket) => {
    options.crowd.opened();
    socket.once('close', () => options.crowd.closed());
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => void handler(request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    socket.on('error', () => socket.destroy());
    const response = responseOn(request, socket as Socket);
    if (response) void handler(request, response, { socket, head });
    else socket.destroy();
  });
  return listening(server, host, port, upgraded);
}

function listening(
  server: Server | SecureServer,
  host: string,
  port: number,
  upgraded: ReadonlySet<Duplex>,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const message = `cannot listen on ${host} port ${port}: ${errorMessage(error)}`;
      reject(new KubeletError(message, { code: 'Listen', cause: error }));
    });
    server.listen(port, host, () => {
      const bound = server.address();
      resolve({
        server,
        upgraded,
        port: typeof bound === 'object' && bound ? bound.port : port,
        async [Symbol.asyncDispose]() {
          for (const socket of upgraded) socket.destroy();
          const closed = new Promise<void>((done) => server.close(() => done()));
          server.closeAllConnections();
          await closed;
        },
      });
    });
  });
}

/**
 * Lets a request that asked for another protocol be refused in HTTP; the connection ends with the answer. Undefined when an earlier request
 * of the same connection has not been answered: the two cannot share it. Whoever sends both without waiting needs no credentials, and
 * thrown further it would end the process.
 */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse | undefined {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  try {
    response.assignSocket(socket);
  } catch {
    return undefined;
  }
  response.once('finish', () => {
    response.detachSocket(socket);
    socket.end();
    // A client that does not close its side is not waited for.
    const late = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(late));
    response.emit('close');
  });
  return response;
}
