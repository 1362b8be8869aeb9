import { createServer } from 'node:http';

const PATHS: ReadonlySet<string> = new Set(['/healthz', '/healthz/ping']);

/** The health endpoint of kubelet on :10248: plain HTTP, "ok" while the program lives. Rejects when the port is taken. */
export function serveHealthz(host: string, port: number): Promise<AsyncDisposable> {
  const server = createServer((request, response) => {
    const known = PATHS.has(request.url?.split('?')[0] ?? '');
    response.writeHead(known ? 200 : 404, {
      'content-type': 'text/plain; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    response.end(request.method === 'HEAD' ? undefined : known ? 'ok' : '404 page not found\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      resolve({
        async [Symbol.asyncDispose]() {
          server.closeAllConnections();
          await new Promise<void>((done) => server.close(() => done()));
        },
      });
    });
  });
}
