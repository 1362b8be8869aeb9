import { until } from '../lib/fake/until.ts';
import { MemoryTracing } from '../tracing/testing/memoryTracing.ts';
import { ask, bearer, eachOnItsOwn, host, start, token } from './fake/testServer.ts';
import type { ServerHost } from './host.ts';

eachOnItsOwn();

async function traced(): Promise<MemoryTracing> {
  await start({}, { token, review: async () => true });
  const tracing = new MemoryTracing();
  (host as { tracing?: ServerHost['tracing'] }).tracing = tracing;
  return tracing;
}

test('a request is a span of its route, with otelrestful’s names; nothing of its query is in it', async () => {
  const tracing = await traced();
  const sent = {
    ...bearer('good').headers,
    'user-agent': 'kubectl',
    traceparent: `00-${'b'.repeat(32)}-${'c'.repeat(16)}-01`,
  };
  await ask('/containerLogs/ns/web/main?tailLines=1&secret=x', { headers: sent });
  await until(() => tracing.spans[0]?.recording === false);
  const [span] = tracing.spans;
  expect(span!.name).toBe('/containerLogs/{podNamespace}/{podID}/{containerName}');
  // A caller's trace is not continued, as the Go kubelet's server has no propagator.
  expect(span!.options).toMatchObject({ kind: 'server', parent: null });
  expect(span!.attributes).toEqual({
    'server.address': 'kubelet',
    'server.port': expect.any(Number),
    'http.request.method': 'GET',
    'url.scheme': 'https',
    'url.path': '/containerLogs/ns/web/main',
    'http.route': '/containerLogs/{podNamespace}/{podID}/{containerName}',
    'network.protocol.version': '1.1',
    'network.peer.address': '127.0.0.1',
    'network.peer.port': expect.any(Number),
    'client.address': '127.0.0.1',
    'user_agent.original': 'kubectl',
    'http.response.status_code': 404,
  });
});

test('there is no span for who may not ask, nor for what is not there', async () => {
  const tracing = await traced();
  expect((await ask('/pods')).status).toBe(401);
  expect((await ask('/nothing', bearer('good'))).status).toBe(404);
  expect((await ask('/pods', bearer('good'))).status).toBe(200);
  await until(() => tracing.spans[0]?.recording === false);
  expect(tracing.spans.map(({ name }) => name)).toEqual(['/pods']);
});
