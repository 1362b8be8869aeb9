import { realClock } from '../lib/clock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { startTracing } from '../tracing/provider.ts';
import type { ReceivedSpan } from '../tracing/testing/otlpSchema.ts';
import { startReceiver } from '../tracing/testing/receiver.ts';
import { FakeNode, fakeWorld } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';

/** What a collector has once `work` was done on a node that traces everything. */
async function traced(work: (node: FakeNode, world: FakeNode['world']) => Promise<void>) {
  await using receiver = await startReceiver();
  await using world = await fakeWorld();
  {
    const options = { nodeName: 'n', version: 'v', clock: realClock, log: silentLogger };
    await using tracing = startTracing({
      ...options,
      endpoint: receiver.endpoint,
      samplingRatePerMillion: 1_000_000,
    });
    world.tracing = tracing;
    using node = await new FakeNode(world).start();
    await work(node, world);
  }
  return [...receiver.spans];
}

/** The names from a span's root to itself. */
function way(spans: readonly ReceivedSpan[], span: ReceivedSpan): string {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return parent ? `${way(spans, parent)} > ${span.name}` : span.name;
}

test('a Pod that starts, crashes and is deleted: a trace of each, with the calls to the runtime in the actions that made them', async () => {
  const spans = await traced(async (node, world) => {
    const waits = () => node.table.get('uid-a')?.reasons ?? [];
    node.setPod(fakePod('a'));
    await until(() => world.cri.callsTo('StartContainer').length === 1 && waits().length === 0);
    world.cri.exitContainer(world.cri.containersNamed('main')[0]!.id, 7);
    await until(() => world.cri.callsTo('StartContainer').length === 2 && waits().length === 0);
    node.deletePod('uid-a');
    await until(() => !node.table.has('uid-a'));
  });
  const roots = spans.filter(({ name }) => name.startsWith('Pod '));
  const names = roots.map(({ name }) => name);
  expect([names[0], names.at(-1)]).toEqual(['Pod start', 'Pod stop']);
  // How often the Pod is held back between the two depends on what the runtime tells when.
  expect(names.slice(1, -1)).toContain('Pod restart');
  const ways = new Set(
    spans.filter(({ traceId }) => roots.some((r) => r.traceId === traceId)).map((s) => way(spans, s)),
  );
  for (const expected of [
    'Pod start > syncPod > createSandbox > runtime.v1.RuntimeService/RunPodSandbox',
    'Pod start > syncPod > startContainer > runtime.v1.RuntimeService/StartContainer',
    'Pod restart > syncPod > createContainer > runtime.v1.RuntimeService/CreateContainer',
    'Pod stop > syncTerminatingPod > stopContainer > runtime.v1.RuntimeService/StopContainer',
  ])
    expect([...ways]).toContain(expected);
});
