import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { errorMessage } from '../lib/errors.ts';
import { send } from './http/exchange.ts';
import { type Answer, type ExplanationSource, podExplanation, sendAnswer } from './routes/podExplanation.ts';

/**
 * The loopback listener of the explanation endpoints. It asks nobody who they are: every process of the node's network, those of
 * hostNetwork Pods too, reads what is there. A trace holds the whole specs of Pods, with literal environment values and probe
 * headers, and what the runtime said; of Secrets and ConfigMaps it holds names and digests, never contents. Where that is too
 * much it is turned off (`--ts-debug-address=off`): :10250 answers the same to whoever may use `nodes/proxy`.
 */
export interface DebugServer extends AsyncDisposable {
  readonly address: string;
}

const notFound: Answer = {
  status: 404,
  type: 'text/plain; charset=utf-8',
  body: '404 page not found. Try /debug/pods/why or /debug/pods/NAMESPACE/NAME/{why,timeline,trace}.\n',
};

/** Listens at `host:port` (port 0: any). Rejects when the port is taken. */
export function startDebugServer(host: string, port: number, source: ExplanationSource): Promise<DebugServer> {
  const server = createServer({ maxHeaderSize: 16_384, requestTimeout: 30_000 }, (request, response) => {
    answer(request, response, source).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send({ response, method: 'GET' }, 500, 'text/plain; charset=utf-8', `${errorMessage(error)}\n`);
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const bound = server.address();
      const at = typeof bound === 'object' && bound ? `${host}:${bound.port}` : `${host}:${port}`;
      resolve({
        address: at,
        async [Symbol.asyncDispose]() {
          server.closeAllConnections();
          await new Promise<void>((done) => server.close(() => done()));
        },
      });
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, source: ExplanationSource): Promise<void> {
  const url = URL.parse(request.url ?? '/', 'http://localhost');
  const asJson = url?.searchParams.get('output') === 'json' || request.headers.accept === 'application/json';
  let result: Answer;
  if (request.method !== 'GET' && request.method !== 'HEAD')
    result = { ...notFound, status: 405, body: 'Only GET is answered here.\n' };
  else result = (url && (await podExplanation(url.pathname, asJson, source))) || notFound;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  await sendAnswer({ response, method: request.method ?? 'GET', signal: gone.signal }, result);
}
