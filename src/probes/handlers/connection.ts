import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { hostPort } from '../rules/port.ts';

/** A connection that ends by reset. */
export interface ProbeConnection {
  readonly socket: net.Socket;
  /** What the protocol speaks over: the socket itself, or TLS on it. */
  readonly stream: Duplex;
  /** `host:port` of this end, undefined until connected. */
  local(): string | undefined;
  /**
   * Drops the connection with RST, so that neither end keeps a TIME_WAIT: at hundreds of probes a second these would use up the
   * ephemeral ports and the connection tracking table (kubernetes#89898; Go's kubelet sets SO_LINGER, which Node lacks).
   */
  reset(): void;
}

let secureContext: tls.SecureContext | undefined;

/**
 * Opens a connection; errors come as 'error' events to `fail`, any number of times. Certificates are not checked (API:
 * HTTPGetAction.scheme). Throws on a host or port that there cannot be, and then leaves nothing open.
 */
export function open(host: string, port: number, secure: boolean, fail: (error: Error) => void): ProbeConnection {
  let local: string | undefined;
  const socket = new net.Socket();
  socket.on('error', fail);
  socket.once('connect', () => {
    local = hostPort(socket.localAddress ?? '', socket.localPort ?? 0);
  });
  const stream = connect(socket, host, port, secure);
  if (stream !== socket) stream.on('error', fail);
  return {
    socket,
    stream,
    local: () => local,
    reset() {
      // A reset of a socket that is already shutting down fails in libuv and leaves Node 26 spinning in native code for good.
      if (socket.connecting || socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
      stream.destroy();
    },
  };
}

function connect(socket: net.Socket, host: string, port: number, secure: boolean): Duplex {
  try {
    socket.connect({ host, port });
    return secure ? startTls(socket, host) : socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function startTls(socket: net.Socket, host: string): tls.TLSSocket {
  // Made once: a context costs more than the rest of a probe. Weak keys and old hashes are no matter where nothing is verified.
  secureContext ??= tls.createSecureContext({ ciphers: `${tls.DEFAULT_CIPHERS}:@SECLEVEL=0`, minVersion: 'TLSv1.2' });
  return tls.connect({
    socket,
    secureContext,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(net.isIP(host) === 0 && { servername: host }),
  });
}
