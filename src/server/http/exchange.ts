import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UserInfo } from '../auth/user.ts';

/** What is left of a connection whose client asked for another protocol. */
export interface Upgrade {
  readonly socket: Duplex;
  /** Bytes that came right behind the request's head. */
  readonly head: Buffer;
}

/** One request on its way to its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly method: string;
  /** Decoded; authorization and routing look at this same text, so they cannot differ over it. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Values of the `{names}` in the route's path. */
  readonly params: Readonly<Record<string, string>>;
  /** Undefined on the listener without authentication. */
  readonly user: UserInfo | undefined;
  readonly upgrade: Upgrade | undefined;
  /** Aborts when the client is gone or the answer is complete. */
  readonly signal: AbortSignal;
}

/** Ends a request with this status and text. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

/** Answers with a plain text. */
export function sendText(exchange: Pick<Exchange, 'response' | 'method'>, status: number, text: string): void {
  send(exchange, status, 'text/plain; charset=utf-8', text);
}

/** Answers with a JSON text. */
export function sendJson(exchange: Pick<Exchange, 'response' | 'method'>, text: string): void {
  send(exchange, 200, 'application/json', text);
}

/** Answers with a whole body at once. */
export function send(
  { response, method }: Pick<Exchange, 'response' | 'method'>,
  status: number,
  type: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(method === 'HEAD' ? undefined : body);
}

/** Writes and waits until the client has taken it, so that a slow one never makes us store what it does not read. */
export async function writeSlowly(response: ServerResponse, chunk: Buffer, signal: AbortSignal): Promise<void> {
  if (signal.aborted || response.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
