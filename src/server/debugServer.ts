import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import { send } from './http/exchange.ts';
import { isLoopbackHost } from './http/loopbackHost.ts';
import { type ExplanationAnswer, type ExplanationSource, podExplanation, sendAnswer } from './routes/podExplanation.ts';

/** Requests that are answered at the same time: a trace is large, and nobody needs many. */
const MAX_REQUESTS = 8;
/** Connections at the same time; further ones are closed at once. */
const MAX_CONNECTIONS = 32;
/** An answer that nobody reads is given up. */
const ANSWER_MS = 60_000;
const LIMITS = { maxHeaderSize: 8_192, headersTimeout: 10_000, requestTimeout: 10_000, keepAlive: false } as const;

export interface DebugServerOptions {
  readonly source: ExplanationSource;
  readonly clock: Clock;
  /** Only a Host header that names loopback is answered: for TCP, which a browser can be led to. */
  readonly loopbackOnly: boolean;
}

/**
 * The server of the explanation endpoints, not listening yet. It asks nobody who they are: whoever reaches it reads what is there.
 * A trace holds the whole specs of Pods, with literal environment values and probe headers, and what the runtime said; of Secrets
 * and ConfigMaps it holds names and digests, never contents.
 */
export function createDebugServer({ source, clock, loopbackOnly }: DebugServerOptions): Server {
  let underWay = 0;
  const server = createServer(LIMITS, (request, response) => {
    // One request a connection: what is idle is closed.
    response.shouldKeepAlive = false;
    const refusal = refuse(request, underWay, loopbackOnly);
    if (refusal) return sendPlain(response, request.method, refusal);
    underWay += 1;
    const late = clock.setTimer(ANSWER_MS, () => response.destroy());
    response.once('close', () => {
      underWay -= 1;
      late[Symbol.dispose]();
    });
    answer(request, response, source).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendPlain(response, 'GET', plain(500, errorMessage(error)));
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

const plain = (status: number, sentence: string) => ({
  status,
  type: 'text/plain; charset=utf-8' as const,
  body: `${sentence}\n`,
});
const notFound = plain(
  404,
  '404 page not found. Try /debug/pods/why, /debug/node/why or /debug/pods/NAMESPACE/NAME/{why,timeline,trace}.',
);
const wrongMethod = plain(405, 'Only GET is answered here.');
const wrongHost = plain(403, 'The Host header must name loopback: 127.0.0.1, localhost or [::1].');
const tooMany = plain(
  503,
  `${MAX_REQUESTS} requests are being answered, and no more are at the same time; ask again in a moment.`,
);

function refuse(request: IncomingMessage, underWay: number, loopbackOnly: boolean) {
  if (loopbackOnly && !isLoopbackHost(request.headers.host)) return wrongHost;
  if (request.method !== 'GET' && request.method !== 'HEAD') return wrongMethod;
  return underWay >= MAX_REQUESTS ? tooMany : undefined;
}

function sendPlain(response: ServerResponse, method: string | undefined, answer: ReturnType<typeof plain>): void {
  const headers: Record<string, string> = answer.status === 503 ? { 'retry-after': '1' } : {};
  send({ response, method: method ?? 'GET' }, answer.status, answer.type, answer.body, headers);
}

async function answer(request: IncomingMessage, response: ServerResponse, source: ExplanationSource): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  const asJson = url?.searchParams.get('output') === 'json' || request.headers.accept === 'application/json';
  const result: ExplanationAnswer = (url && (await podExplanation(url.pathname, asJson, source))) || notFound;
  await sendAnswer({ response, method: request.method ?? 'GET', signal: gone.signal }, result);
}
