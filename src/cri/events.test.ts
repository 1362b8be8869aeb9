import { status } from '@grpc/grpc-js';
import type { Clock } from '../lib/clock.ts';
import { realClock } from '../lib/clock.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { decodeEvent } from './calls/events.ts';
import { connectCri } from './client.ts';
import type { ContainerEvent } from './events.ts';
import { watchEvents } from './events.ts';
import { containerConfig, sandboxConfig } from './fake/configs.ts';
import { startFakeCri } from './fake/fakeCri.ts';
import { runtimeMessageCodec } from './protocol.ts';

async function setUp(clock: Clock = realClock) {
  const stack = new AsyncDisposableStack();
  const fake = stack.use(await startFakeCri());
  const cri = stack.use(connectCri({ runtimeEndpoint: fake.endpoint }));
  const events: ContainerEvent[] = [];
  const log: string[] = [];
  const watch = () =>
    stack.use(
      watchEvents({
        cri,
        clock,
        onEvent: (event) => events.push(event),
        onConnected: () => log.push('connected'),
        onLost: (error) => log.push(`lost ${error?.grpcCodeName ?? 'in order'}`),
        onUnsupported: () => log.push('unsupported'),
      }),
    );
  return { stack, fake, cri, events, log, watch };
}

test('only ids and the type are taken from an event', () => {
  const codec = runtimeMessageCodec('ContainerEventResponse');
  const bytes = codec.encode({
    containerId: 'c1',
    containerEventType: 'CONTAINER_STOPPED_EVENT',
    createdAt: '1700000000123456789',
    podSandboxStatus: {
      id: 's1',
      metadata: { name: 'n', uid: 'u1', namespace: 'ns', attempt: 3 },
      network: { ip: '10.0.0.1' },
      labels: { a: 'b' },
    },
    containersStatuses: [{ id: 'c1', labels: { x: 'y' } }, { id: 'c2' }],
  });
  expect(decodeEvent(bytes)).toEqual({ podUid: 'u1', containerId: 'c1', type: 'CONTAINER_STOPPED_EVENT' });
  expect(decodeEvent(codec.encode({}))).toEqual({ podUid: '', containerId: '', type: 'CONTAINER_CREATED_EVENT' });
  const bare = codec.encode({ containerId: 'c', containersStatuses: [] });
  expect(decodeEvent(bare)).toMatchObject({ podUid: '', containerId: 'c' });
});

test('a quiet stream counts as connected; events name their Pod', async () => {
  const { stack, fake, cri, events, log, watch } = await setUp();
  await using _ = stack;
  watch();
  await until(() => log.length > 0);
  expect(log).toEqual(['connected']);
  fake.images.add('a');
  const pod = sandboxConfig({ uid: 'u1', name: 'p' });
  const sandboxId = await cri.runPodSandbox(pod, '');
  const id = await cri.createContainer(sandboxId, containerConfig(pod, { name: 'c', image: 'a' }), pod);
  await cri.startContainer(id);
  fake.exitContainer(id, 0);
  await until(() => events.some((e) => e.type === 'CONTAINER_STOPPED_EVENT'));
  expect(events.map((e) => [e.podUid, e.containerId, e.type])).toEqual([
    ['u1', sandboxId, 'CONTAINER_CREATED_EVENT'],
    ['u1', sandboxId, 'CONTAINER_STARTED_EVENT'],
    ['u1', id, 'CONTAINER_CREATED_EVENT'],
    ['u1', id, 'CONTAINER_STARTED_EVENT'],
    ['u1', id, 'CONTAINER_STOPPED_EVENT'],
  ]);
});

test('a lost stream comes back, and brings the backlog', async () => {
  const { stack, fake, events, log, watch, cri } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(sandboxConfig({ uid: 'u1', name: 'p' }), '');
  watch();
  await until(() => events.length === 2);
  fake.dropConnections();
  await until(() => log.length === 3);
  expect(log).toEqual(['connected', 'lost Unavailable', 'connected']);
  await fake.down();
  fake.killSandbox(sandboxId);
  await until(() => log.length === 4);
  await fake.up();
  await until(() => log.length === 5 && events.length === 3);
  expect(log.slice(3)).toEqual(['lost Unavailable', 'connected']);
  expect(events.at(-1)).toMatchObject({ podUid: 'u1', type: 'CONTAINER_STOPPED_EVENT' });
});

test('a stream that ends in order is opened again', async () => {
  const { stack, fake, log, watch } = await setUp();
  await using _ = stack;
  watch();
  await until(() => log.length === 1 && fake.events.openStreams === 1);
  fake.events.endStreams();
  await until(() => log.length === 3);
  expect(log).toEqual(['connected', 'lost in order', 'connected']);
});

test('a runtime without events is said once and left alone', async () => {
  const clock = new ManualClock();
  const { stack, fake, log, watch } = await setUp(clock);
  await using _ = stack;
  using fault = fake.faults.inject('GetContainerEvents', { kind: 'fail', code: status.UNIMPLEMENTED }, Infinity);
  watch();
  await until(() => log.includes('unsupported'));
  expect(clock.pending).toBe(0);
  expect(log.filter((l) => l !== 'connected')).toEqual(['unsupported']);
  expect(fault.hits).toBe(1);
});

test('attempts that fail back off, and the loss is said once', async () => {
  const clock = new ManualClock();
  const { stack, fake, log, watch } = await setUp(clock);
  await using _ = stack;
  using fault = fake.faults.inject('GetContainerEvents', { kind: 'fail', code: status.UNAVAILABLE }, Infinity);
  watch();
  const waits: number[] = [];
  for (let attempt = 1; attempt <= 8; attempt++) {
    await until(() => fault.hits === attempt && clock.pending === 1);
    waits.push(clock.nextIn ?? 0);
    clock.advance(clock.nextIn ?? 0);
  }
  for (const [i, wait] of waits.entries()) {
    const least = Math.min(100 * 2 ** i, 5000);
    expect(wait).toBeGreaterThanOrEqual(least);
    expect(wait).toBeLessThanOrEqual(least * 1.2);
  }
  const losses = log.filter((l) => l === 'lost Unavailable').length;
  const connections = log.filter((l) => l === 'connected').length;
  expect(losses).toBeGreaterThan(0);
  expect(losses).toBeLessThanOrEqual(connections + 1);
});

test('disposing ends the stream without a word', async () => {
  const { stack, fake, log, watch } = await setUp();
  await using _ = stack;
  const own = watch();
  await until(() => log.length === 1 && fake.events.openStreams === 1);
  own[Symbol.dispose]();
  await until(() => fake.events.openStreams === 0);
  expect(log).toEqual(['connected']);
});
