import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import v8 from 'node:v8';
import vm from 'node:vm';
import { realClock } from '../lib/clock.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import type { Logger } from '../lib/logger.ts';
import { startTracing, type TracingOptions } from './provider.ts';
import { traced } from './spans.ts';
import { type Receiver, startReceiver } from './testing/receiver.ts';

const silent = { info() {}, warn() {}, error() {}, debug() {} } as unknown as Logger;

const begin = (receiver: Receiver, more: Partial<TracingOptions> = {}) =>
  startTracing({
    endpoint: receiver.endpoint,
    samplingRatePerMillion: 1_000_000,
    nodeName: 'node-1',
    version: 'v1.36.3',
    clock: realClock,
    log: silent,
    ...more,
  });

/** Ends tracing, which sends everything. */
async function flushed(work: (receiver: Receiver) => Promise<void>, address?: string) {
  await using receiver = await startReceiver(address);
  await work(receiver);
  return [...receiver.spans];
}

test('a collector gets spans with times, attributes, their parents, and who made them', async () => {
  const spans = await flushed(async (receiver) => {
    await using tracing = begin(receiver);
    const outer = tracing.start('syncPod', {
      attributes: { 'k8s.pod': 'ns/a', n: 3, on: true, all: ['x', 'y'] },
      at: 1e12,
    });
    tracing.within(outer, () => {
      const inner = tracing.start('runtime.v1.RuntimeService/Version', { kind: 'client' });
      inner.event('message', { id: 1 });
      inner.fail('no runtime');
      inner.end();
    });
    outer.rename('syncTerminatingPod');
    outer.end(1e12 + 1500);
  });
  const [inner, outer] = spans;
  expect(outer).toMatchObject({
    name: 'syncTerminatingPod',
    kind: 1,
    parentSpanId: '',
    attributes: { 'k8s.pod': 'ns/a', n: 3, on: true, all: ['x', 'y'] },
    resource: { 'service.name': 'kubelet', 'host.name': 'node-1' },
    scope: 'kubelet-ts',
    status: { code: 0 },
  });
  expect(outer!.start).toBe(1e12);
  expect(outer!.end - outer!.start).toBe(1500);
  expect(inner).toMatchObject({
    kind: 3,
    traceId: outer!.traceId,
    parentSpanId: outer!.spanId,
    events: [{ name: 'message', attributes: { id: 1 } }],
    status: { code: 2, message: 'no runtime' },
  });
});

test('the variables OTEL_… change nothing', async () => {
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    OTEL_RESOURCE_ATTRIBUTES: 'service.version=1',
    OTEL_SDK_DISABLED: 'true',
    OTEL_SERVICE_NAME: 'other',
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '1',
    OTEL_TRACES_SAMPLER: 'always_off',
  };
  Object.assign(process.env, variables);
  try {
    const [span] = await flushed(async (receiver) => {
      await using tracing = begin(receiver);
      tracing.start('a', { attributes: { x: 1, y: 2 } }).end();
    });
    expect(span!.attributes).toEqual({ x: 1, y: 2 });
    expect(span!.resource).toEqual({ 'service.name': 'kubelet', 'host.name': 'node-1' });
  } finally {
    for (const name of Object.keys(variables)) delete process.env[name];
  }
});

test('what is started in a span belongs to it however late, but not when it is over', async () => {
  const spans = await flushed(async (receiver) => {
    await using tracing = begin(receiver);
    let later: Promise<void> | undefined;
    await traced(tracing, 'outer', async () => {
      await turn();
      tracing.start('inside').end();
      later = turn()
        .then(() => turn())
        .then(() => tracing.start('outlived it').end());
    });
    await later;
    tracing.start('alone', { parent: null }).end();
  });
  const parentOf = (name: string) => {
    const { parentSpanId } = spans.find((span) => span.name === name)!;
    return spans.find(({ spanId }) => spanId === parentSpanId)?.name;
  };
  expect(parentOf('inside')).toBe('outer');
  expect(parentOf('outlived it')).toBeUndefined();
  expect(parentOf('alone')).toBeUndefined();
});

test('traced: a failure is the span’s too; without tracing there is the work alone', async () => {
  const spans = await flushed(async (receiver) => {
    await using tracing = begin(receiver);
    await expect(traced(tracing, 'gc', () => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  });
  expect(spans).toMatchObject([{ name: 'gc', status: { code: 2, message: 'no room' } }]);
  expect(await traced(undefined, 'gc', async () => 7)).toBe(7);
});

test.each([
  [undefined, 0],
  [0, 0],
  [1_000_000, 400],
])('of a million traces %p are sampled', async (samplingRatePerMillion, expected) => {
  const spans = await flushed(async (receiver) => {
    await using tracing = begin(receiver, { samplingRatePerMillion });
    for (let i = 0; i < 400; i++) tracing.start('a').end();
  });
  expect(spans).toHaveLength(expected);
});

test('a trace is sampled as a whole, and a call tells the other side', async () => {
  const told = new Map<string, string>();
  const spans = await flushed(async (receiver) => {
    await using tracing = begin(receiver, { samplingRatePerMillion: 500_000 });
    for (let i = 0; i < 200; i++) {
      const parent = tracing.start('parent');
      const child = tracing.start('child', { parent });
      told.set(child.traceparent.split('-')[1]!, child.traceparent.split('-')[3]!);
      child.end();
      parent.end();
    }
  });
  const sampled = Map.groupBy(spans, ({ traceId }) => traceId);
  expect(sampled.size).toBeGreaterThan(0);
  expect(sampled.size).toBeLessThan(200);
  for (const all of sampled.values()) expect(all.map(({ name }) => name)).toEqual(['child', 'parent']);
  for (const [traceId, flags] of told) expect(flags).toBe(sampled.has(traceId) ? '01' : '00');
});

test('what others choose is cut: values, errors, how many attributes and events', async () => {
  const [span] = await flushed(async (receiver) => {
    await using tracing = begin(receiver);
    const long = 'x'.repeat(1_000_000);
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`, long]));
    const open = tracing.start('a', { attributes: many });
    for (let i = 0; i < 1000; i++) open.event(`e${i}`, many);
    open.fail(long);
    open.end();
  });
  expect(Object.keys(span!.attributes)).toHaveLength(32);
  expect(String(span!.attributes.k0)).toHaveLength(512);
  expect(span!.events).toHaveLength(32);
  expect(Object.keys(span!.events[0]!.attributes)).toHaveLength(8);
  expect(span!.status.message.length).toBeLessThan(1100);
});

test('a span that waits keeps no more of a long value in memory than it sends', async () => {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  await using receiver = await startReceiver();
  await using tracing = begin(receiver, { clock: new ManualClock(Date.now()) });
  const long = (i: number) => `${String.fromCharCode(65 + (i % 26)).repeat(1_000_000)}${i}`;
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 30; i++) {
    const span = tracing.start('a', { attributes: { agent: long(i) } });
    span.set({ also: [long(i)] });
    span.event('message', { text: long(i) });
    span.end();
  }
  gc();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16_000_000);
});

test('an empty endpoint is the default one, and ends no agent', async () => {
  const told: unknown[] = [];
  const log = { ...silent, info: (_text: string, fields: unknown) => told.push(fields) } as unknown as Logger;
  await using _tracing = startTracing({ endpoint: '', nodeName: 'n', version: 'v', clock: realClock, log });
  expect(told).toMatchObject([{ endpoint: 'localhost:4317' }]);
});

test('a collector on a unix socket, and on an abstract one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'otlp-'));
  const path = join(directory, 'c.sock');
  for (const [listen, endpoint] of [
    [`unix:${path}`, `unix://${path}`],
    [`unix:\0otlp-${process.pid}`, `unix-abstract://otlp-${process.pid}`],
  ] as const) {
    const spans = await flushed(async (receiver) => {
      await using tracing = begin(receiver, { endpoint });
      tracing.start('a').end();
    }, listen);
    expect(spans).toHaveLength(1);
  }
  await rm(directory, { recursive: true });
});

test('a collector that hangs holds the end of the agent up for a second at most', async () => {
  await using receiver = await startReceiver();
  receiver.answer = 'never';
  const clock = new ManualClock(Date.now());
  const tracing = begin(receiver, { clock });
  tracing.start('a').end();
  const ended = tracing[Symbol.asyncDispose]();
  await receiver.until(() => receiver.calls === 1);
  expect(clock.nextIn).toBe(1000);
  clock.advance(1000);
  await ended;
});
