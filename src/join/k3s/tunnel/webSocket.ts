import { createHash, randomBytes } from 'node:crypto';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../lib/clock.ts';
import { errorMessage, KubeletError, toError } from '../../../lib/errors.ts';
import type { Trust } from '../ask.ts';
import { encodeMessage, MessageReader, OPCODE, WebSocketError } from './webSocketFrames.ts';

export interface WebSocketOptions {
  readonly url: URL;
  readonly trust: Trust;
  /** Client certificate and key, PEM. */
  readonly pair: { readonly cert: string; readonly key: string };
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One WebSocket's messages, both ways. */
export interface WebSocketLink {
  /** Sends a message. False: more is waiting than the network takes; `onDrain` tells when not. Nothing is sent after the end. */
  send(payload: Buffer): boolean;
  ping(): void;
  /** Ends it; `onEnd` follows. */
  end(error: Error): void;
  onMessage: (payload: Buffer) => void;
  onDrain: () => void;
  /** Anything came, a pong too. */
  onLife: () => void;
  onEnd: (error: Error) => void;
}

const HANDSHAKE_MS = 10_000;
const HEAD_BYTES = 16_384;
/** Servers send what they read from a connection, at most 32 KiB at once. */
const LONGEST_MESSAGE = 1 << 20;
/** RFC 6455, 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/**
 * Opens a WebSocket with a client certificate (RFC 6455), in 10 s. Rejects with one sentence. undici's cannot be paused while the
 * other end does not take what is sent, and has no limit for what comes.
 */
export async function openWebSocket(options: WebSocketOptions): Promise<WebSocketLink> {
  const { url, clock, signal } = options;
  signal.throwIfAborted();
  const socket = dial(options);
  const stop = () => socket.destroy(toError(signal.reason));
  const timer = clock.setTimer(HANDSHAKE_MS, () =>
    socket.destroy(new Error(`no answer within ${HANDSHAKE_MS / 1000} s`)),
  );
  signal.addEventListener('abort', stop, { once: true });
  try {
    return new Link(socket, await shakeHands(socket, url));
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    if (error instanceof KubeletError) throw error;
    throw new KubeletError(`the tunnel to ${url.host} cannot be opened: ${errorMessage(error)}`, {
      code: 'TunnelUnreachable',
      cause: error,
    });
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', stop);
  }
}

function dial({ url, trust, pair }: WebSocketOptions): TLSSocket {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = connect({
    host,
    port: Number(url.port || 443),
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    // A server that is offered HTTP/2 would take it, and has no WebSocket there.
    ALPNProtocols: ['http/1.1'],
    ...pair,
    ...(typeof trust === 'object' ? { ca: trust.ca } : { rejectUnauthorized: trust !== 'anybody' }),
  });
  socket.setNoDelay(true);
  return socket;
}

/** Resolves with the bytes after the answer's head. */
function shakeHands(socket: TLSSocket, url: URL): Promise<Buffer> {
  const key = randomBytes(16).toString('base64');
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  socket.write(
    `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nUser-Agent: kubelet-ts\r\n\r\n`,
  );
  let head = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.pause();
      socket.removeAllListeners('data').removeAllListeners('error').removeAllListeners('close');
    };
    socket.once('error', (error) => {
      settle();
      socket.on('error', () => {});
      reject(error);
    });
    socket.once('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0 && head.length < HEAD_BYTES) return;
      settle();
      socket.on('error', () => {});
      const problem =
        end < 0 ? 'answered with a head that is too long' : refusal(head.subarray(0, end).toString('latin1'), accept);
      if (problem) reject(new Error(`the server ${problem}`));
      else resolve(head.subarray(end + 4));
    });
  });
}

function refusal(head: string, accept: string): string | undefined {
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1];
  if (status === '401' || status === '403') {
    return `refused the node's certificate (${status}): was its Node deleted? Start this agent anew, so that it asks for a new one`;
  }
  if (status === '404') return 'has no tunnel (404): its --egress-selector-mode is disabled, or it is no k3s server';
  if (status !== '101') return `answered ${status ?? 'no HTTP'} and opened no WebSocket`;
  const told = lines.find((line) => /^sec-websocket-accept:/i.test(line));
  return told?.slice(told.indexOf(':') + 1).trim() === accept ? undefined : 'answered another handshake than this one';
}

class Link implements WebSocketLink {
  readonly #socket: TLSSocket;
  readonly #reader = new MessageReader(LONGEST_MESSAGE);
  #ended = false;
  #failure: Error | undefined;
  onMessage: (payload: Buffer) => void = () => {};
  onDrain: () => void = () => {};
  onLife: () => void = () => {};
  onEnd: (error: Error) => void = () => {};

  constructor(socket: TLSSocket, first: Buffer) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.onDrain());
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('end', () => this.end(new Error('the server closed the tunnel')));
    socket.on('close', () => this.#over());
    // Whoever opened it sets its handlers first.
    setImmediate(() => {
      if (first.length > 0) this.#read(first);
      if (socket.destroyed) this.#over();
      else socket.resume();
    });
  }

  send(payload: Buffer): boolean {
    if (this.#ended || this.#socket.destroyed) return true;
    return this.#socket.write(encodeMessage(OPCODE.binary, payload, randomBytes(4)));
  }

  ping(): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeMessage(OPCODE.ping, Buffer.alloc(0), randomBytes(4)));
  }

  end(error: Error): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }

  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd(this.#failure ?? new Error('the connection broke'));
  }

  #read(chunk: Buffer): void {
    if (this.#ended || this.#failure) return;
    this.onLife();
    try {
      for (const { opcode, payload } of this.#reader.push(chunk)) {
        if (this.#failure) return;
        this.#take(opcode, payload);
      }
    } catch (error) {
      this.end(toError(error));
    }
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === OPCODE.binary) this.onMessage(payload);
    else if (opcode === OPCODE.ping) {
      // Pongs pile up at a server that does not read: then it does not wait for them either.
      if (!this.#socket.writableNeedDrain) this.#socket.write(encodeMessage(OPCODE.pong, payload, randomBytes(4)));
    } else if (opcode === OPCODE.close) this.end(new WebSocketError('closed it'));
    else if (opcode === OPCODE.text) this.end(new WebSocketError('sent a text where frames are bytes'));
  }
}
