import { realClock } from '../lib/clock.ts';
import { failure, until } from '../lib/fake/until.ts';
import { RateLimiter } from '../lib/limiter.ts';
import { ApiError, isConflict, isInvalid, isNoRelationship, isNotFound } from './apiError.ts';
import { ApiClient, userAgent } from './client.ts';
import { FakeApiServer } from './fake/server.ts';

const sketch = (name: string) => ({
  metadata: { name, namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'i:1' }] },
});

describe.each([
  ['http', {}],
  ['https, HTTP/2', { tls: true }],
  ['https, HTTP/1.1', { tls: true, http2: false }],
])('API client over %s', (_name, options) => {
  let fake: FakeApiServer;
  let client: ApiClient;
  beforeAll(async () => {
    fake = await FakeApiServer.start(options);
    client = new ApiClient({ ...fake.connection, token: 'secret' });
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  });

  test('creates, reads, lists with selectors, updates, deletes', async () => {
    const made = await client.create('ConfigMap', {
      metadata: { name: 'a', namespace: 'ns', labels: { app: 'x' } },
      data: { k: 'v' },
    });
    expect(made.metadata).toMatchObject({ name: 'a', uid: expect.any(String), resourceVersion: expect.any(String) });
    expect(Object.isFrozen(made.data)).toBe(true);
    expect((await client.get('ConfigMap', { namespace: 'ns', name: 'a' })).data).toEqual({ k: 'v' });
    await client.create('ConfigMap', { metadata: { name: 'b', namespace: 'ns' } });
    const listed = await client.list('ConfigMap', { namespace: 'ns', labelSelector: 'app=x' });
    expect(listed.items.map((item) => item.metadata?.name)).toEqual(['a']);
    const page = await client.list('ConfigMap', { namespace: 'ns', limit: 1 });
    const rest = await client.list('ConfigMap', { namespace: 'ns', limit: 1, continue: page.continue! });
    expect([...page.items, ...rest.items].map((item) => item.metadata?.name)).toEqual(['a', 'b']);
    const updated = await client.update('ConfigMap', { ...made, data: { k: 'w' } });
    expect(updated.data).toEqual({ k: 'w' });
    expect(isConflict(await failure(client.update('ConfigMap', { ...made, data: {} })))).toBe(true);
    expect(
      isConflict(await failure(client.delete('ConfigMap', { namespace: 'ns', name: 'a' }, { uid: 'other' }))),
    ).toBe(true);
    await client.delete('ConfigMap', { namespace: 'ns', name: 'a' }, { uid: made.metadata!.uid! });
    expect(isNotFound(await failure(client.get('ConfigMap', { namespace: 'ns', name: 'a' })))).toBe(true);
  });

  test('sends its name, its token and the right patch types', async () => {
    const pod = fake.objects.createPod(sketch('patched'), 'n1');
    const ref = { namespace: 'ns', name: 'patched' };
    const status = { metadata: { uid: pod.metadata.uid }, status: { phase: 'Running' as const } };
    expect((await client.patch('Pod', ref, 'strategic', status, { subresource: 'status' })).status?.phase).toBe(
      'Running',
    );
    expect((await client.patch('Pod', ref, 'merge', { metadata: { labels: { a: 'b' } } })).metadata?.labels).toEqual({
      a: 'b',
    });
    const operation = [{ op: 'remove', path: '/metadata/labels/a' }];
    expect((await client.patch('Pod', ref, 'json', operation)).metadata?.labels).toEqual({});
    expect(isInvalid(await failure(client.patch('Pod', ref, 'strategic', { metadata: { uid: 'x' } })))).toBe(true);
    const request = fake.seen('patch', 'Pod')[0]!;
    expect(request.headers).toMatchObject({ authorization: 'Bearer secret', 'user-agent': userAgent() });
    expect(request).toMatchObject({ subresource: 'status', contentType: 'application/strategic-merge-patch+json' });
  });

  test('answers with Retry-After are tried again, other errors are not', async () => {
    fake.fail({ verb: 'get', kind: 'Node', times: 2, status: 429, reason: 'TooManyRequests', retryAfterSeconds: 0 });
    fake.objects.set('Node', { metadata: { name: 'n1' } });
    expect((await client.get('Node', { name: 'n1' })).metadata?.name).toBe('n1');
    fake.fail({ verb: 'get', kind: 'Node', times: 1, status: 500, reason: 'InternalError', message: 'etcd is sad' });
    const error = await client.get('Node', { name: 'n1' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ status: 500, reason: 'InternalError', message: 'etcd is sad' });
    fake.fail({
      verb: 'get',
      kind: 'Secret',
      times: 1,
      status: 403,
      reason: 'Forbidden',
      message: 'no relationship found between',
    });
    expect(isNoRelationship(await failure(client.get('Secret', { namespace: 'ns', name: 's' })))).toBe(true);
  });

  test('a call that nobody answers ends at its timeout or at the abort', async () => {
    fake.fail({ verb: 'get', kind: 'Lease', hang: true, times: 2 });
    const call = client.get('Lease', { namespace: 'ns', name: 'l' }, { timeoutMs: 50 });
    await expect(call).rejects.toMatchObject({ code: 'ApiTimeout' });
    const controller = new AbortController();
    const other = client.get('Lease', { namespace: 'ns', name: 'l' }, { signal: controller.signal });
    controller.abort(new Error('no longer wanted'));
    await expect(other).rejects.toThrow('no longer wanted');
  });

  test('tokens come from the token subresource; raw text from any path', async () => {
    const spec = { audiences: ['a'], expirationSeconds: 600 };
    const answer = await client.createSub<{ status: { token: string } }>(
      'ServiceAccount',
      { namespace: 'ns', name: 'sa' },
      'token',
      { spec },
    );
    expect(answer.status.token).toContain('fake-token.ns.sa');
    expect(await client.text('/livez')).toContain('Success');
  });

  test('a watch delivers events in order, past UTF-8 split over chunks, and ends with the server', async () => {
    const seen: string[] = [];
    const abort = new AbortController();
    const opened = new Promise<void>((resolve) => {
      const ended = client.watch('Secret', {
        signal: abort.signal,
        onOpen: resolve,
        onEvent: ({ type, object }) =>
          seen.push(`${type} ${object.metadata?.name} ${object.stringData?.k?.length ?? ''}`),
      });
      void ended.then(() => seen.push('end'));
    });
    await opened;
    await until(() => fake.watches === 1);
    fake.objects.set('Secret', { metadata: { name: 's', namespace: 'ns' }, stringData: { k: 'ä€😀'.repeat(40_000) } });
    fake.objects.remove('Secret', 'ns', 's');
    await until(() => seen.length === 2);
    fake.endWatches();
    await until(() => seen.length === 3);
    expect(seen).toEqual(['ADDED s 160000', 'DELETED s 160000', 'end']);
  });
});

test('a limiter holds back calls', async () => {
  await using fake = await FakeApiServer.start();
  await using client = new ApiClient(fake.connection);
  const limited = client.withLimiter(new RateLimiter(realClock, 50, 1));
  const started = performance.now();
  await Promise.all([1, 2, 3, 4].map(() => limited.text('/livez')));
  expect(performance.now() - started).toBeGreaterThan(55);
});

test('an observer hears of each call and its end', async () => {
  await using fake = await FakeApiServer.start();
  const calls: string[] = [];
  await using client = new ApiClient(fake.connection, {
    observe: ({ method, path, code, retry }) => calls.push(`${method} ${path} ${code}${retry ? ' again' : ''}`),
  });
  fake.fail({ kind: 'Node', times: 1, status: 429, reason: 'TooManyRequests', retryAfterSeconds: 0 });
  await failure(client.get('Node', { name: 'n' }));
  await fake.wire.stop();
  await failure(client.delete('Node', { name: 'n' }));
  expect(calls).toEqual(['GET /api/v1/nodes/n 429', 'GET /api/v1/nodes/n 404 again', 'DELETE /api/v1/nodes/n <error>']);
});

test('a server that is not there is unreachable, and said so', async () => {
  await using fake = await FakeApiServer.start({ tls: true });
  await using client = new ApiClient(fake.connection);
  await fake.wire.stop();
  const refused = client.get('Node', { name: 'n' });
  await expect(refused).rejects.toMatchObject({ code: 'ApiUnreachable' });
  await expect(refused).rejects.toThrow(/GET https:.*ECONNREFUSED/);
  await fake.wire.start();
  await expect(client.text('/livez')).resolves.toContain('Success');
  await using stranger = new ApiClient({ server: fake.url });
  await expect(stranger.text('/livez')).rejects.toThrow(/certificate/);
});
