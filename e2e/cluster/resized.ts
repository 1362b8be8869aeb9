// Running Pods that are given other resources (KEP-1287, KEP-5419).
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { Node, Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { outMount, outVolume, untilWritten } from '../lib/files.ts';
import { container, create, pod, podUrl, rest, shell, untilReady } from '../lib/pods.ts';
import { assertGiven, assertPod, both, resize, resizeConditions, untilResized } from '../lib/resizes.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';
import { overGo } from './resizedOverGo.ts';

async function eventsOf(t: TestContext, reason: string): Promise<void> {
  await t.lab.events.until(`an event ${reason}`, () => t.lab.events.all(t.namespace).find((e) => e.reason === reason));
}

async function growsAndShrinks(t: TestContext): Promise<void> {
  const sidecar = shell('side', rest, { restartPolicy: 'Always', resources: both('30m', '16Mi') });
  const main = shell('main', rest, { resources: both('100m', '32Mi') });
  await create(t, pod(t, 'web', { initContainers: [sidecar], containers: [main] }));
  const before = await untilReady(t, 'web');
  const took: number[] = [];
  for (const [own, side] of [
    [
      { cpu: 200, memory: 64 },
      { cpu: 50, memory: 24 },
    ],
    [
      { cpu: 80, memory: 48 },
      { cpu: 60, memory: 20 },
    ],
    [
      { cpu: 150, memory: 40 },
      { cpu: 20, memory: 32 },
    ],
  ] as const) {
    const started = performance.now();
    const asked = await resize(t, 'web', {
      main: both(`${own.cpu}m`, `${own.memory}Mi`),
      side: both(`${side.cpu}m`, `${side.memory}Mi`),
    });
    const after = await untilResized(t, 'web', asked.metadata?.generation);
    took.push(Math.round(performance.now() - started));
    assertGiven(t, after, 'main', own);
    assertGiven(t, after, 'side', side);
    assertPod(t, after, { cpu: own.cpu + side.cpu, memory: own.memory + side.memory });
    for (const name of ['main', 'side'])
      assert.deepEqual(
        [container(after, name)?.containerID, container(after, name)?.restartCount],
        [container(before, name)?.containerID, 0],
      );
    assert.equal(after.status?.qosClass, before.status?.qosClass);
  }
  await eventsOf(t, 'ResizeStarted');
  await eventsOf(t, 'ResizeCompleted');
  t.note(`from the patch to the last status: ${took.join(', ')} ms`);
}

/** As the specs of Kubernetes' own suite: one grows while another shrinks; requests and limits come where none were. */
async function several(t: TestContext): Promise<void> {
  const start = { c1: both('100m', '32Mi'), c2: both('100m', '32Mi'), c3: both('100m', '64Mi') };
  const containers = Object.entries(start).map(([name, resources]) => shell(name, rest, { resources }));
  await create(t, pod(t, 'several', { containers }));
  const before = await untilReady(t, 'several');
  for (const [c1, c2, c3] of [
    [
      [200, 64],
      [60, 24],
      [150, 32],
    ],
    [
      [50, 24],
      [120, 48],
      [40, 24],
    ],
  ] as const) {
    const all = { c1, c2, c3 };
    const asked = await resize(
      t,
      'several',
      mapValues(all, ([cpu, memory]) => both(`${cpu}m`, `${memory}Mi`)),
    );
    const after = await untilResized(t, 'several', asked.metadata?.generation);
    for (const [name, [cpu, memory]] of Object.entries(all)) {
      assertGiven(t, after, name, { cpu, memory });
      assert.equal(container(after, name)?.containerID, container(before, name)?.containerID);
    }
    assertPod(t, after, { cpu: c1[0] + c2[0] + c3[0], memory: c1[1] + c2[1] + c3[1] });
  }
  const bare = [shell('none', rest), shell('some', rest, { resources: { requests: { cpu: '20m', memory: '16Mi' } } })];
  await create(t, pod(t, 'adding', { containers: bare }));
  await untilReady(t, 'adding');
  // Requests below limits: it stays Burstable, as the API server demands.
  const more = { ...both('60m', '48Mi'), requests: { cpu: '30m', memory: '24Mi' } };
  const asked = await resize(t, 'adding', { none: more, some: both('40m', '32Mi') });
  const after = await untilResized(t, 'adding', asked.metadata?.generation);
  assert.deepEqual(container(after, 'none')?.resources, more);
  assertGiven(t, after, 'some', { cpu: 40, memory: 32 });
  assertPod(t, after, { cpu: 100, memory: 80 });
  assert.equal(after.status?.qosClass, 'Burstable');
}

const mapValues = <A, B>(record: Record<string, A>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

async function restarts(t: TestContext): Promise<void> {
  const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  const main = shell('main', rest, { resources: both('50m', '32Mi'), resizePolicy });
  const other = shell('other', rest, { resources: both('50m', '32Mi') });
  await create(t, pod(t, 'policy', { containers: [main, other] }));
  const before = await untilReady(t, 'policy');
  const first = await resize(t, 'policy', { main: both('80m', '32Mi') });
  const inPlace = await untilResized(t, 'policy', first.metadata?.generation);
  assert.equal(container(inPlace, 'main')?.containerID, container(before, 'main')?.containerID);
  assertGiven(t, inPlace, 'main', { cpu: 80, memory: 32 });
  const second = await resize(t, 'policy', { main: both('80m', '64Mi') });
  const after = await untilResized(t, 'policy', second.metadata?.generation);
  assert.equal(container(after, 'main')?.restartCount, 1);
  assert.equal(container(after, 'other')?.containerID, container(before, 'other')?.containerID);
  assertGiven(t, after, 'main', { cpu: 80, memory: 64 });
  assertPod(t, after, { cpu: 130, memory: 96 });
}

/** What a container is told of its own resources: in a file what it has now, in a variable what it started with. */
async function told(t: TestContext): Promise<void> {
  const limit = { resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } };
  const script = `while true; do echo "$CPU $(cat /info/cpu)" > /out/told.new; mv /out/told.new /out/told; sleep 0.2; done`;
  const main = shell('main', script, {
    resources: both('100m', '32Mi'),
    env: [{ name: 'CPU', valueFrom: limit }],
    volumeMounts: [outMount, { name: 'info', mountPath: '/info' }],
  });
  const volumes = [outVolume(t), { name: 'info', downwardAPI: { items: [{ path: 'cpu', ...limit }] } }];
  await create(t, pod(t, 'told', { containers: [main], volumes }));
  await untilReady(t, 'told');
  await untilWritten(t, 'told', (text) => text.trim() === '100 100');
  const asked = await resize(t, 'told', { main: both('200m', '32Mi') });
  await untilResized(t, 'told', asked.metadata?.generation);
  await untilWritten(t, 'told', (text) => text.trim() === '100 200');
}

async function wholePod(t: TestContext): Promise<void> {
  const containers = [shell('main', rest), shell('other', rest)];
  await create(t, pod(t, 'whole', { containers, resources: both('100m', '64Mi') }));
  const before = await untilReady(t, 'whole');
  for (const { cpu, memory } of [
    { cpu: 200, memory: 96 },
    { cpu: 150, memory: 48 },
  ]) {
    const spec = { resources: both(`${cpu}m`, `${memory}Mi`) };
    const asked = await t.lab.api.patch<Pod>(`${podUrl(t, 'whole')}/resize`, { spec });
    const after = await untilResized(t, 'whole', asked.metadata?.generation);
    assertPod(t, after, { cpu, memory });
    assert.equal(after.status?.resources?.limits?.cpu, `${cpu}m`);
    assert.equal(container(after, 'main')?.containerID, container(before, 'main')?.containerID);
  }
}

async function belowUsage(t: TestContext): Promise<void> {
  const fill = `head -c 40000000 /dev/zero > /cache/part; mv /cache/part /cache/file; ${rest}`;
  const main = shell('main', fill, {
    resources: both('50m', '128Mi'),
    volumeMounts: [{ name: 'cache', mountPath: '/cache' }],
    readinessProbe: { exec: { command: ['test', '-s', '/cache/file'] }, periodSeconds: 1 },
  });
  const volumes = [{ name: 'cache', emptyDir: { medium: 'Memory' } }];
  await create(t, pod(t, 'full', { containers: [main], volumes }));
  await untilReady(t, 'full');
  await resize(t, 'full', { main: both('50m', '24Mi') });
  await t.lab.pods.until('the resize to fail', () => {
    const now = t.lab.pods.get(t.namespace, 'full');
    return now && resizeConditions(now).find(({ reason }) => reason === 'Error');
  });
  await eventsOf(t, 'ResizeError');
  const asked = await resize(t, 'full', { main: both('50m', '96Mi') });
  assertGiven(t, await untilResized(t, 'full', asked.metadata?.generation), 'main', { cpu: 50, memory: 96 });
}

async function deferred(t: TestContext): Promise<void> {
  const node = await t.lab.api.get<Node>(`/api/v1/nodes/${t.lab.node}`);
  const allocatable = node.status?.allocatable?.memory ?? '';
  assert.match(allocatable, /^\d+Ki$/);
  const most = { requests: { cpu: '10m', memory: `${Math.floor(Number.parseInt(allocatable, 10) * 0.6)}Ki` } };
  await create(t, pod(t, 'filler', { containers: [shell('main', rest, { resources: most })] }));
  const little = { requests: { cpu: '10m', memory: '16Mi' } };
  await create(t, pod(t, 'waiting', { containers: [shell('main', rest, { resources: little })] }));
  await Promise.all([untilReady(t, 'filler'), untilReady(t, 'waiting')]);
  await resize(t, 'waiting', { main: most });
  const pending = await t.lab.pods.until('the resize to be deferred', () => {
    const now = t.lab.pods.get(t.namespace, 'waiting');
    return now && resizeConditions(now).find(({ type }) => type === 'PodResizePending');
  });
  assert.equal(pending.reason, 'Deferred');
  assert.match(
    pending.message ?? '',
    /^Node didn't have enough resource: memory, requested: \d+, used: \d+, capacity: \d+$/,
  );
  await t.lab.restartAgent();
  await create(t, pod(t, 'third', { containers: [shell('main', rest, { resources: little })] }));
  await untilReady(t, 'third');
  await t.lab.api.remove(podUrl(t, 'filler'));
  const after = await untilResized(t, 'waiting');
  assert.equal(container(after, 'main')?.allocatedResources?.memory, most.requests.memory);
  assert.equal(container(after, 'main')?.restartCount, 0);
}

async function killedMeanwhile(t: TestContext): Promise<void> {
  const names = ['a', 'b', 'c'];
  for (const name of names)
    await create(t, pod(t, name, { containers: [shell('main', rest, { resources: both('50m', '32Mi') })] }));
  const before = await Promise.all(names.map((name) => untilReady(t, name)));
  const seen = Unnoticed.of(t, names);
  for (const [round, wait] of [0, 5, 10, 20, 40, 80].entries()) {
    const [cpu, memory] = round % 2 === 0 ? [90, 64] : [50, 32];
    const asked = await Promise.all(names.map((name) => resize(t, name, { main: both(`${cpu}m`, `${memory}Mi`) })));
    await delay(wait);
    await stopKubelet(t.lab.cluster, 'SIGKILL');
    await t.lab.startAgent();
    await waitForNodeReady(t.lab.cluster, patience);
    await t.lab.untilLookedAt(seen.pods);
    for (const [at, name] of names.entries()) {
      const after = await untilResized(t, name, asked[at]?.metadata?.generation);
      assertGiven(t, after, 'main', { cpu: cpu!, memory: memory! });
      assertPod(t, after, { cpu: cpu!, memory: memory! });
      assert.equal(container(after, 'main')?.containerID, container(before[at], 'main')?.containerID);
    }
    await seen.assert(`the resize and the kill of round ${round + 1}`);
  }
}

/** Resizes of running Pods. */
export const resized = group('resized', [
  test('Pods are resized: CPU and memory grow and shrink without a restart', growsAndShrinks),
  test('Pods are resized: several containers at once, limits and requests that are added', several),
  test('Pods are resized: a container whose policy says so restarts', restarts),
  test('Pods are resized: as a whole', wholePod),
  test('Pods are resized: files of the downward API follow', told),
  test('Pods are resized: not below what they use', belowUsage),
  test('Pods are resized: what is deferred is granted when another Pod ends', deferred, { mode: 'alone' }),
  test('Pods are resized: the agent is killed meanwhile', killedMeanwhile, { mode: 'alone' }),
  test('Pods that were resized over the Go kubelet and back', overGo, { mode: 'alone' }),
]);
