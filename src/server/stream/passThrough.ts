import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { errorMessage } from '../../lib/errors.ts';
import { withoutToken } from '../auth/bearerToken.ts';
import { type Exchange, HttpError } from '../http/exchange.ts';

/** After one side has ended, the other may still say something for as long as it goes on saying it. */
const HALF_OPEN_IDLE_MS = 10_000;
/** Ours alone: the runtime is on this machine and has no use for them. */
const PRIVATE_HEADERS = new Set(['authorization', 'cookie', 'proxy-authorization']);

/**
 * Joins the client's connection with the runtime's streaming server, byte for byte: SPDY and WebSocket pass unread. Resolves when both
 * sides are closed. Throws HttpError when the client asked for no other protocol or is gone, or the runtime did not take it up. Of a
 * client that is gone the runtime hears nothing, or its connection is closed: it would run a command that nobody can end.
 */
export async function passThrough(exchange: Exchange, url: string): Promise<void> {
  const { upgrade, request } = exchange;
  if (!upgrade) throw new HttpError(500, 'Upgrade request required\n');
  throwIfGone(exchange.signal);
  const answer = await ask(url, request, exchange.signal);
  if (exchange.signal.aborted) answer.response.socket.destroy();
  throwIfGone(exchange.signal);
  if (!answer.socket) {
    await refuse(exchange, answer.response);
    return;
  }
  exchange.response.detachSocket(upgrade.socket as never);
  upgrade.socket.write(headOf(answer.response));
  await join({ socket: upgrade.socket, head: upgrade.head }, { socket: answer.socket, head: answer.head });
  exchange.response.emit('close');
}

/** An aborted signal calls no listener that is added late. */
function throwIfGone(signal: AbortSignal): void {
  if (signal.aborted) throw new HttpError(500, 'the client is gone\n');
}

interface Answer {
  readonly response: IncomingMessage;
  /** The connection, if the runtime has gone over to the other protocol. */
  readonly socket?: Duplex;
  readonly head: Buffer;
}

function ask(url: string, request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    // The runtime signs its own certificate, and its URL came over its own socket.
    const options: RequestOptions & { readonly allowHalfOpen: boolean } = {
      method: request.method ?? 'GET',
      headers: passedOn(request.rawHeaders),
      agent: false,
      allowHalfOpen: true,
      rejectUnauthorized: false,
    };
    const outgoing = send(url, options);
    const abort = () => outgoing.destroy(new Error('the client is gone'));
    signal.addEventListener('abort', abort, { once: true });
    const settled = () => signal.removeEventListener('abort', abort);
    outgoing.on('upgrade', (response, socket, head) => {
      settled();
      resolve({ response, socket, head });
    });
    outgoing.on('response', (response) => {
      settled();
      resolve({ response, head: Buffer.alloc(0) });
    });
    outgoing.on('error', (error) => {
      settled();
      reject(new HttpError(500, `error dialing backend: ${errorMessage(error)}\n`));
    });
    outgoing.end();
  });
}

function passedOn(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [raw[i] as string, raw[i + 1] as string];
    const lower = name.toLowerCase();
    if (PRIVATE_HEADERS.has(lower)) continue;
    const passed = lower === 'sec-websocket-protocol' ? withoutToken(value) : value;
    if (passed !== undefined) kept.push(name, passed);
  }
  return kept;
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** The runtime answered in HTTP: its error goes to the client as it is. */
async function refuse({ response }: Exchange, answer: IncomingMessage): Promise<void> {
  const status = answer.statusCode ?? 500;
  if (status < 400) {
    answer.destroy();
    throw new HttpError(500, `invalid upgrade response: status code ${status}\n`);
  }
  response.writeHead(status, {
    'content-type': answer.headers['content-type'] ?? 'text/plain; charset=utf-8',
    connection: 'close',
  });
  for await (const chunk of answer) response.write(chunk);
  response.end();
}

/** Without delay and idle time-outs of the sockets' own. */
function pipeBoth(a: Side, b: Side): void {
  if (a.head.length > 0) b.socket.write(a.head);
  if (b.head.length > 0) a.socket.write(b.head);
  for (const { socket } of [a, b]) (socket as { setTimeout?: (ms: number) => void }).setTimeout?.(0);
  for (const { socket } of [a, b]) (socket as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
  a.socket.pipe(b.socket);
  b.socket.pipe(a.socket);
}

interface Side {
  readonly socket: Duplex;
  readonly head: Buffer;
}

/**
 * Copies both ways with back-pressure. The end of one side is passed on as an end, so that the other can finish what it was saying;
 * the failure of one side takes down the other, also one that came before. A runtime (`b`) that resets its connection, as it does when it
 * has not read a last heartbeat, has said all before: that still goes to the client (`a`), for whose protocol silence is success.
 * Resolves when both are closed.
 */
export function join(a: Side, b: Side): Promise<void> {
  const sides = [a.socket, b.socket];
  let idle: NodeJS.Timeout | undefined;
  const destroy = () => {
    clearTimeout(idle);
    for (const socket of sides) socket.destroy();
  };
  const arm = () => {
    clearTimeout(idle);
    idle = setTimeout(destroy, HALF_OPEN_IDLE_MS);
  };
  const closed = Promise.all(
    sides.map((socket, i) => {
      const other = sides[1 - i] as Duplex;
      return new Promise<void>((resolve) => {
        if (socket.closed) return resolve(); // it says so only once
        // A runtime's failure is passed on by its close, behind what it had said: see above.
        socket.on('error', socket === a.socket ? destroy : () => {});
        socket.once('close', () => {
          resolve();
          // What the runtime had said and a slow client left no room for.
          const unread: Buffer | null = socket === b.socket ? socket.read() : null;
          if (unread && other.writable) other.write(unread);
          // What was written to the other side still goes out; it is ended, and closed when it has nothing more to say.
          if (!other.writableEnded) other.end();
          // Nobody takes any more what it says: it is read to its end all the same, which lets it close.
          other.unpipe();
          other.resume();
          // When it has been given all that is for it, what it still says keeps it no longer.
          const deaf = () => other.off('data', arm);
          if (other.writableFinished) deaf();
          else other.once('finish', deaf);
          if (!other.destroyed) arm();
        });
        const ended = () => {
          arm();
          other.on('data', arm);
        };
        if (socket.readableEnded) ended();
        else socket.once('end', ended);
      });
    }),
  );
  if (sides.some((socket) => socket.destroyed)) {
    destroy();
    return closed.then(() => clearTimeout(idle));
  }
  pipeBoth(a, b);
  return closed.then(() => clearTimeout(idle));
}
