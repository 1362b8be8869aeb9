import { ManualClock } from '../lib/fake/manualClock.ts';
import { failure, until } from '../lib/fake/until.ts';
import type { ClientOptions } from './callOptions.ts';
import { ApiClient } from './client.ts';
import type { ConnectionConfig } from './connection.ts';
import { FakeApiServer, type FakeOptions } from './fake/server.ts';

type More = ClientOptions & { config?: Partial<ConnectionConfig> };

async function world(options: FakeOptions, { config, ...more }: More = {}) {
  const fake = await FakeApiServer.start(options);
  const client = new ApiClient({ ...fake.connection, ...config }, more);
  const abort = new AbortController();
  const close = async () => {
    abort.abort();
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  const watch = (name: string, onEvent: (name: string) => void = () => {}) =>
    client.watch('ConfigMap', {
      namespace: 'ns',
      fieldSelector: `metadata.name=${name}`,
      resourceVersion: fake.storage.version,
      signal: abort.signal,
      onEvent: ({ object }) => onEvent(object.metadata?.name ?? ''),
    });
  return { fake, client, abort, watch, [Symbol.asyncDispose]: close };
}

describe.each([
  ['HTTP/2', { tls: true }],
  ['HTTP/2, 40 streams a connection', { tls: true, maxStreams: 40 }],
  ['HTTP/1.1', {}],
] as [string, FakeOptions][])('300 open watches over %s', (_name, options) => {
  test('all deliver, and a PATCH does not wait behind them', async () => {
    await using w = await world(options);
    w.fake.objects.createPod({ metadata: { name: 'p', namespace: 'ns' }, spec: {} }, 'n1');
    const patch = async (i: number) => {
      const started = performance.now();
      await w.client.patch(
        'Pod',
        { namespace: 'ns', name: 'p' },
        'strategic',
        { status: { message: `m${i}` } },
        { subresource: 'status' },
      );
      return performance.now() - started;
    };
    const median = async () => {
      const times: number[] = [];
      for (let i = 0; i < 31; i++) times.push(await patch(i));
      return times.sort((a, b) => a - b)[15]!;
    };
    await patch(-1);
    const alone = await median();
    const heard = new Set<string>();
    for (let i = 0; i < 300; i++) w.watch(`c${i}`, (name) => heard.add(name)).catch(() => {});
    await until(() => w.fake.watches === 300);
    const crowded = await median();
    for (let i = 0; i < 300; i++) w.fake.objects.set('ConfigMap', { metadata: { name: `c${i}`, namespace: 'ns' } });
    await until(() => heard.size === 300);
    // Behind a stream or connection limit a PATCH would wait for a watch to end, for minutes; a busy machine costs less than seconds.
    expect(crowded).toBeLessThan(alone * 5 + 2_000);
  });
});

test('HTTP/2 needs few connections for 300 watches', async () => {
  await using w = await world({ tls: true });
  for (let i = 0; i < 300; i++) w.watch(`c${i}`).catch(() => {});
  await until(() => w.fake.watches === 300);
  expect(w.fake.wire.connections).toBeLessThanOrEqual(6);
});

test('a connection that dies without a word fails its watches within five ping intervals, and calls use a new one', async () => {
  await using w = await world({ tls: true }, { pingIntervalMs: 50 });
  const dead = failure(w.watch('a'));
  await w.client.text('/livez');
  await until(() => w.fake.watches === 1);
  w.fake.wire.blackhole = true;
  const started = performance.now();
  expect(await dead).toMatchObject({ code: 'ApiUnreachable', message: expect.stringContaining('ping') });
  expect(performance.now() - started).toBeLessThan(10_000);
  w.fake.wire.blackhole = false;
  await expect(w.client.text('/livez')).resolves.toContain('Success');
});

test('a quiet but living connection is left alone', async () => {
  const clock = new ManualClock();
  await using w = await world({ tls: true }, { pingIntervalMs: 20, clock });
  let ended = false;
  w.watch('a').then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  await until(() => w.fake.watches === 1);
  const heard = new Promise<string>((resolve) => void w.watch('b', resolve).catch(() => {}));
  await until(() => w.fake.watches === 2);
  // Twice the intervals after which it would be given up, each with at least one answered ping.
  for (let interval = 0; interval < 10; interval++) {
    const before = w.fake.pings;
    await until(() => w.fake.pings >= before + 2);
    clock.advance(20);
  }
  w.fake.objects.set('ConfigMap', { metadata: { name: 'b', namespace: 'ns' } });
  expect(await heard).toBe('b');
  expect(ended).toBe(false);
});

test('after a GOAWAY calls use a new connection; a watch still delivers, and soon ends to continue elsewhere', async () => {
  const clock = new ManualClock();
  await using w = await world({ tls: true }, { pingIntervalMs: 100, clock });
  const heard: string[] = [];
  const ended = failure(w.watch('a', (name) => heard.push(name)));
  await w.client.text('/livez');
  await until(() => w.fake.watches === 1);
  w.fake.goaway();
  w.fake.objects.set('ConfigMap', { metadata: { name: 'a', namespace: 'ns' } });
  await w.client.text('/livez');
  await until(() => heard.length === 1);
  clock.advance(300);
  expect(await ended).toMatchObject({
    code: 'ApiUnreachable',
    message: expect.stringContaining('leave the connection'),
  });
  await until(() => w.fake.watches === 0);
  await w.client.text('/livez');
});

test('new credentials serve the next request; watches of the old ones go on', async () => {
  await using w = await world({ tls: true });
  const first = w.fake.authority!.issue('system:node:n1', ['system:nodes']);
  const second = w.fake.authority!.issue('system:node:n1-rotated', ['system:nodes']);
  w.client.transport.setConfig({ ...w.fake.connection, ...first });
  const heard: string[] = [];
  let ended = false;
  w.watch('a', (name) => heard.push(name))
    .finally(() => {
      ended = true;
    })
    .catch(() => {});
  await w.client.text('/livez');
  await until(() => w.fake.watches === 1);
  w.client.transport.setConfig({ ...w.fake.connection, ...second });
  await w.client.text('/livez');
  w.fake.objects.set('ConfigMap', { metadata: { name: 'a', namespace: 'ns' } });
  await until(() => heard.length === 1);
  expect(ended).toBe(false);
  expect(w.fake.requests.map((r) => r.clientName)).toEqual([
    'system:node:n1',
    'system:node:n1',
    'system:node:n1-rotated',
  ]);
  w.client.transport.dropConnections('the certificate was revoked');
  await until(() => ended);
});

test('a token provider is asked for each request', async () => {
  let n = 0;
  await using w = await world({}, { config: { tokenProvider: async () => `t${n++}` } });
  await w.client.text('/livez');
  await w.client.text('/livez');
  expect(w.fake.requests.map((r) => r.headers.authorization)).toEqual(['Bearer t0', 'Bearer t1']);
});

test('errors never carry the credentials', async () => {
  await using w = await world({}, { config: { token: 'very-secret-token' } });
  await w.fake.wire.stop();
  const error = (await failure(w.client.text('/livez'))) as Error;
  expect(`${error.stack}${String(error.cause)}`).not.toContain('very-secret');
});
