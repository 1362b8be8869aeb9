import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { UnavailableError } from './unavailableError.ts';

/** Whom to believe: a CA in PEM, the machine's CAs, or (for the one look at a CA that a token pins) anybody. */
export type Trust = { readonly ca: string } | 'system' | 'anybody';

export interface Question {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly trust: Trust;
  /** Client certificate and key, PEM. */
  readonly pair?: { readonly cert: string; readonly key: string };
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

export interface SupervisorAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** k3s' own client gives up after 10 s. */
const DEADLINE_MS = 10_000;
/** A server's configuration has some 10 KiB, a CA bundle less. */
const LONGEST = 1 << 20;

/**
 * One HTTPS request on a connection of its own, bounded in time (10 s in all) and bytes (1 MiB). Rejects with a KubeletError: code
 * `SupervisorUntrusted` when the server's certificate is not believed, else `SupervisorUnreachable`, which may pass by itself.
 */
export function ask(url: URL, question: Question): Promise<SupervisorAnswer> {
  const { method = 'GET', headers = {}, body, trust, pair, clock, signal } = question;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const fail = (error: unknown) => {
      settle();
      outgoing.destroy();
      reject(signal?.aborted ? signal.reason : failure(url, error));
    };
    const outgoing = request(url, {
      method,
      headers: { ...headers, ...(body && { 'content-length': String(body.length) }) },
      agent: false,
      ...(trust === 'anybody' ? { rejectUnauthorized: false } : trust === 'system' ? {} : { ca: trust.ca }),
      ...pair,
    });
    const timer = clock.setTimer(DEADLINE_MS, () => fail(new Error(`no whole answer within ${DEADLINE_MS / 1000} s`)));
    const abort = () => fail(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    const settle = () => {
      timer[Symbol.dispose]();
      signal?.removeEventListener('abort', abort);
    };
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      read(response).then((answer) => {
        settle();
        resolve(answer);
      }, fail);
    });
    outgoing.end(body);
  });
}

async function read(response: IncomingMessage): Promise<SupervisorAnswer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > LONGEST) throw new Error(`the answer is longer than ${LONGEST} bytes`);
    chunks.push(chunk as Buffer);
  }
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks) };
}

/** OpenSSL's and Node's words for a certificate that is not believed. */
const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)|ERR_TLS_CERT_ALTNAME/;

function failure(url: URL, error: unknown): KubeletError {
  const code = String((error as { code?: unknown } | undefined)?.code ?? '');
  // Of an address with several families only the parts have words.
  const parts = error instanceof AggregateError ? error.errors.map(errorMessage).join(', ') : errorMessage(error);
  if (UNTRUSTED.test(code) && code !== 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new KubeletError(`the certificate of ${url.host} is not believed: ${parts}`, {
      code: 'SupervisorUntrusted',
      cause: error,
    });
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new KubeletError(
      `the certificate of ${url.host} is not for that name: give --server a name or address that it has, or start the server with --tls-san=${url.hostname}`,
      { code: 'SupervisorName', cause: error },
    );
  }
  return new UnavailableError(`${url.origin} did not answer ${url.pathname}: ${parts}`, {
    code: 'SupervisorUnreachable',
    cause: error,
  });
}
