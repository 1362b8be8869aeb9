import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Answer, type ExplanationSource, podExplanation } from './routes/podExplanation.ts';

/** The loopback listener of the explanation endpoints. Anybody on the machine may read them; nothing in them is secret. */
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
    void answer(request, response, source);
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
  response.writeHead(result.status, { 'content-type': result.type, 'content-length': Buffer.byteLength(result.body) });
  response.end(request.method === 'HEAD' ? undefined : result.body);
}
