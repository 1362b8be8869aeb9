import { failure, until } from '../lib/fake/until.ts';
import { MemoryTracing } from '../tracing/testing/memoryTracing.ts';
import { ApiClient } from './client.ts';
import { FakeApiServer } from './fake/server.ts';

async function world(traced = true) {
  const fake = await FakeApiServer.start({ tls: true });
  const tracing = new MemoryTracing();
  const client = new ApiClient(fake.connection, traced ? { tracing } : {});
  const close = async () => {
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  return { fake, tracing, client, [Symbol.asyncDispose]: close };
}

test('a request is a span with otelhttp’s names until its answer was read, and the API server is told of it', async () => {
  await using w = await world();
  w.fake.objects.createPod({ metadata: { name: 'p', namespace: 'ns' }, spec: {} }, 'n1');
  await w.client.get('Pod', { namespace: 'ns', name: 'p' });
  const [span] = w.tracing.spans;
  await until(() => !span!.recording);
  const { origin, hostname, port } = new URL(w.fake.connection.server);
  expect(span).toMatchObject({ name: 'HTTP GET', error: undefined, options: { kind: 'client' } });
  expect(span!.attributes).toEqual({
    'http.request.method': 'GET',
    'url.full': `${origin}/api/v1/namespaces/ns/pods/p`,
    'server.address': hostname,
    'server.port': Number(port),
    'http.response.status_code': 200,
  });
  expect(w.fake.requests.at(-1)!.headers['traceparent']).toBe(span!.traceparent);
});

test('an answer that says no, a watch that is left, and nobody who answers', async () => {
  await using w = await world();
  await failure(w.client.get('Pod', { namespace: 'ns', name: 'gone' }));
  const [missing] = w.tracing.spans;
  await until(() => !missing!.recording);
  expect(missing!.error).toBe('');
  expect(missing!.attributes).toMatchObject({ 'http.response.status_code': 404, 'error.type': '404' });

  const abort = new AbortController();
  const opened = Promise.withResolvers<void>();
  const watching = w.client.watch('Pod', { signal: abort.signal, onEvent() {}, onOpen: opened.resolve });
  await opened.promise;
  const watch = w.tracing.spans[1]!;
  expect(watch.recording).toBe(true);
  abort.abort();
  await failure(watching);
  await until(() => !watch.recording);

  await w.fake[Symbol.asyncDispose]();
  await failure(w.client.create('Pod', { metadata: { name: 'q', namespace: 'ns' } }));
  const refused = w.tracing.spans.at(-1)!;
  expect(refused).toMatchObject({ name: 'HTTP POST', recording: false });
  expect(refused.error).toMatch(/^POST https/);
});

test('without tracing nothing is told', async () => {
  await using w = await world(false);
  await failure(w.client.get('Pod', { namespace: 'ns', name: 'gone' }));
  expect(w.fake.requests.at(-1)!.headers['traceparent']).toBeUndefined();
});
