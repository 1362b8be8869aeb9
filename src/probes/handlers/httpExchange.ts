import http from 'node:http';
import type { Duplex } from 'node:stream';
import { toError } from '../../lib/errors.ts';
import { networkText } from '../rules/netText.ts';
import type { HttpUrl } from '../rules/url.ts';
import { open, type ProbeConnection } from './connection.ts';

/** The end of one request: an answer whose body was read up to the limit, or what went wrong and when. */
export type HttpAnswer =
  | { readonly status: number; readonly location: string | undefined; readonly body: string }
  | { readonly problem: string; readonly during: 'headers' | 'body' };

/** Bytes of an answer's body that are looked at (pkg/probe/http). */
export const MAX_BODY = 10 * 1024;
const MAX_HEADERS = 1024 * 1024;

/** The reason a signal is aborted with when the time is up. */
export const TIMED_OUT = 'timed out';
const TIMEOUT_TEXT = {
  headers: 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
  body: 'context deadline exceeded (Client.Timeout or context cancellation while reading body)',
};

/**
 * Sends one GET on a connection of its own, which is reset as soon as the answer is known. `stop` ends it early. Never rejects.
 * A request that cannot be sent opens none.
 */
export function exchange(url: HttpUrl, headers: readonly string[], stop: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve) => {
    let during: 'headers' | 'body' = 'headers';
    let settled = false;
    let connection: ProbeConnection | undefined;
    let request: http.ClientRequest | undefined;
    const settle = (answer: HttpAnswer) => {
      if (settled) return;
      settled = true;
      stop.removeEventListener('abort', onStop);
      resolve(answer);
      connection?.reset();
      request?.destroy();
    };
    const fail = (error: Error) => {
      const isCut = during === 'body' && error.message === 'aborted';
      const peers = { host: url.host, remote: url.authority, local: connection?.local() };
      settle({ problem: isCut ? 'unexpected EOF' : networkText(error, peers), during });
    };
    const onStop = () =>
      settle({ problem: stop.reason === TIMED_OUT ? TIMEOUT_TEXT[during] : 'context canceled', during });

    const connect = () => {
      connection = open(url.host, url.port, url.scheme === 'https', fail);
      return connection.stream;
    };
    if (stop.aborted) return onStop();
    stop.addEventListener('abort', onStop);
    try {
      request = start(url, headers, connect);
      request.on('error', fail);
      request.on('upgrade', (answer) => settle(answerOf(answer, '')));
      request.on('response', (answer) => {
        during = 'body';
        readBody(answer, (body) => settle(answerOf(answer, body)), fail);
      });
      request.end();
    } catch (error) {
      fail(toError(error));
    }
  });
}

/** Throws what Node has against the request before it calls `connect`. */
function start(url: HttpUrl, headers: readonly string[], connect: () => Duplex): http.ClientRequest {
  return http.request({
    path: url.target,
    headers: headers.map((text) => Buffer.from(text, 'utf8').toString('latin1')),
    createConnection: connect,
    // The answer decides nothing but health, so that odd but readable ones are taken as Go takes them.
    insecureHTTPParser: true,
    maxHeaderSize: MAX_HEADERS,
  });
}

function answerOf(answer: http.IncomingMessage, body: string): HttpAnswer {
  return { status: answer.statusCode ?? 0, location: answer.headers.location, body };
}

function readBody(answer: http.IncomingMessage, done: (body: string) => void, fail: (error: Error) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  const finish = () => done(Buffer.concat(chunks).subarray(0, MAX_BODY).toString('utf8'));
  answer.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BODY) finish();
  });
  // Before node:http's own listener, which would close with FIN and leave a TIME_WAIT behind.
  answer.prependListener('end', finish);
  answer.on('error', fail);
}
