import { ApiClient } from '../api/client.ts';
import { FakeApiServer } from '../api/fake/server.ts';
import { connectCri } from '../cri/client.ts';
import { startFakeCri } from '../cri/fake/fakeCri.ts';
import type { NodeEvent } from '../events/event.ts';
import { rfc3339 } from '../k8s/rfc3339.ts';
import { realClock } from '../lib/clock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import type { Node } from '../types/k8s.ts';
import { testSettings } from './fake/facts.ts';
import { keepLease } from './lease.ts';
import { nodeFactsReader } from './nodeFacts.ts';
import { initialNode } from './nodeObject.ts';
import { NodeStatusPublisher } from './nodeStatus.ts';
import { registerNode } from './registration.ts';
import { RuntimeStatus } from './runtimeStatus.ts';

/** A node on a fake runtime and a fake API server, put together as the kubelet does. */
async function startNode() {
  const own = new AsyncDisposableStack();
  const server = own.use(await FakeApiServer.start());
  const runtime = own.use(await startFakeCri());
  const api = own.use(new ApiClient(server.connection));
  const cri = own.use(connectCri({ runtimeEndpoint: runtime.endpoint }));
  const stop = new AbortController();
  const status = own.use(new RuntimeStatus(cri, realClock));
  const common = { api, clock: realClock, logger: silentLogger, random: Math.random, signal: stop.signal };
  const readFacts = nodeFactsReader({
    service: cri,
    clock: realClock,
    settings: testSettings,
    rootDir: '/',
    runtime: () => status.fact,
    others: async () => ({ pressure: { memory: false, disk: false, pid: false }, notReady: [], warnings: [] }),
  });
  const register = () =>
    registerNode({
      ...common,
      initialNode: async () => initialNode(testSettings, await readFacts(), rfc3339(Date.now())).node,
    });
  const events: NodeEvent[] = [];
  const publisher = new NodeStatusPublisher({
    ...common,
    settings: testSettings,
    readFacts,
    cachedNode: () => undefined,
    recordEvent: (event) => events.push(event),
    registers: true,
    updateMs: 10_000,
    reportMs: 300_000,
  });
  const node = () => api.get('Node', { name: 'node-1' });
  return { own, server, runtime, api, status, stop, common, register, publisher, events, node };
}

const readyOf = (node: Node) => node.status?.conditions?.find(({ type }) => type === 'Ready');

test('a node registers, becomes Ready by the event alone, and keeps its lease', async () => {
  const { own, api, status, stop, common, register, publisher, events, node } = await startNode();
  await using _ = own;
  expect(readyOf(await register())).toMatchObject({ status: 'False', reason: 'KubeletNotReady' });
  const ready = new Promise<Node>((resolve) => {
    publisher.onNode((one) => readyOf(one)?.status === 'True' && resolve(one));
  });
  status.onChange(() => publisher.trigger());
  const running = publisher.run();
  status.start();
  expect(readyOf(await ready)).toMatchObject({ reason: 'KubeletReady', message: 'kubelet is posting ready status' });
  expect(events.map(({ reason }) => reason)).toContain('NodeReady');

  const stored = await node();
  expect(stored.status?.nodeInfo).toMatchObject({ kubeletVersion: 'v1.36.3', operatingSystem: 'linux' });
  expect(stored.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^\w[\w-]*:\/\/.+/);
  expect(Number(stored.status?.allocatable?.pods)).toBe(110);
  expect(stored.status?.conditions?.map(({ type }) => type)).toEqual([
    'MemoryPressure',
    'DiskPressure',
    'PIDPressure',
    'Ready',
  ]);
  expect(stored.status?.addresses?.at(-1)).toEqual({ type: 'Hostname', address: 'node-1' });

  const lease = keepLease({ ...common, nodeName: 'node-1', durationSeconds: 40 });
  const read = () => api.get('Lease', { namespace: 'kube-node-lease', name: 'node-1' }).catch(() => undefined);
  let kept = await read();
  await until(async () => {
    kept ??= await read();
    return kept !== undefined;
  });
  expect(kept?.metadata?.ownerReferences).toMatchObject([{ kind: 'Node', uid: stored.metadata!.uid }]);
  stop.abort();
  await Promise.all([running, lease]);
});

test('a Node that somebody deletes stays deleted; one that somebody creates again is updated', async () => {
  const { own, api, register, publisher, node } = await startNode();
  await using _ = own;
  const before = await register();
  await publisher.update();
  await api.delete('Node', { name: 'node-1' });
  publisher.nodeDeleted();
  await publisher.update();
  await expect(node()).rejects.toMatchObject({ status: 404 });
  await api.create('Node', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
  await publisher.update();
  const after = await node();
  expect(after.metadata?.uid).not.toBe(before.metadata?.uid);
  expect(after.status?.conditions?.map(({ type }) => type)).toContain('Ready');
});

test('both addresses of a dual-stack node survive a change', async () => {
  const { own, api, register, publisher, node } = await startNode();
  await using _ = own;
  await register();
  const addresses = [
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'InternalIP', address: '2001:db8::1' },
    { $patch: 'replace' },
  ];
  await api.patch('Node', { name: 'node-1' }, 'strategic', { status: { addresses } }, { subresource: 'status' });
  expect((await node()).status?.addresses).toHaveLength(2);
  await publisher.update();
  expect((await node()).status?.addresses).not.toContainEqual({ type: 'InternalIP', address: '192.0.2.1' });
});
