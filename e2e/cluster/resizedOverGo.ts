// kubelet-ts, the Go kubelet and kubelet-ts on a node with Pods that were resized, and one whose resize waits.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { Node, Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { container, create, pod, removeAndWait, rest, restingPod, shell, untilReady } from '../lib/pods.ts';
import { assertGiven, assertPod, both, resize, resizeConditions, untilResized } from '../lib/resizes.ts';
import type { TestContext } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

const NAMES = ['plain', 'whole', 'waiting'];

/** What both kubelets have on disk of these Pods: allocated and carried out. */
function onDisk(t: TestContext, uids: readonly string[]): unknown {
  const entries = ['allocated_pods_state', 'actuated_pods_state'].map((name) => {
    const file = path.join(t.lab.cluster.layout.kubeletRoot, name);
    // Go writes null for what is not there.
    const plain = (_key: string, value: unknown) => value ?? undefined;
    const { entries } = JSON.parse(JSON.parse(readFileSync(file, 'utf8')).data, plain);
    return entries as Record<string, unknown>;
  });
  return uids.map((uid) => entries.map((kept) => kept[uid]));
}

const shown = (t: TestContext) =>
  NAMES.map((name) => {
    const now = t.lab.pods.get(t.namespace, name);
    const { allocatedResources, resources } = container(now, 'main') ?? {};
    return { allocatedResources, resources, pending: now && resizeConditions(now).map(({ type }) => type) };
  });

async function takeOver(t: TestContext, kind: 'go' | 'ts', round: number): Promise<void> {
  await untilOldEnough(t, NAMES);
  const seen = Unnoticed.of(t, NAMES);
  const uids = seen.pods.map(({ metadata }) => metadata?.uid ?? '');
  const before = { disk: onDisk(t, uids), status: shown(t) };
  await stopKubelet(t.lab.cluster, kind === 'ts' ? 'SIGKILL' : 'SIGTERM');
  if (kind === 'go') await startKubelet(t.lab.cluster, 'go');
  else await t.lab.startAgent();
  await waitForNodeReady(t.lab.cluster, patience);
  const probe = await create(t, restingPod(t, `probe-${round}`));
  await untilReady(t, `probe-${round}`);
  await removeAndWait(t, probe);
  if (kind === 'ts') await t.lab.untilLookedAt(seen.pods);
  await seen.assert(`the change to ${kind}`);
  assert.deepEqual({ disk: onDisk(t, uids), status: shown(t) }, before, `what ${kind} says of the resources`);
}

async function makePods(t: TestContext): Promise<void> {
  const node = await t.lab.api.get<Node>(`/api/v1/nodes/${t.lab.node}`);
  const most = `${Math.floor(Number.parseInt(node.status?.allocatable?.memory ?? '', 10) * 0.6)}Ki`;
  const filler = { requests: { cpu: '10m', memory: most } };
  const little = { requests: { cpu: '10m', memory: '16Mi' } };
  const main = (resources: object) => ({ containers: [shell('main', rest, { resources })] });
  await create(t, pod(t, 'plain', main(both('100m', '32Mi'))));
  await create(t, pod(t, 'whole', { containers: [shell('main', rest)], resources: both('100m', '64Mi') }));
  await create(t, pod(t, 'filler', main(filler)));
  await create(t, pod(t, 'waiting', main(little)));
  for (const name of [...NAMES, 'filler']) await untilReady(t, name);
  await resize(t, 'waiting', { main: filler });
  await t.lab.pods.until('the resize to be deferred', () => {
    const now = t.lab.pods.get(t.namespace, 'waiting');
    return now && resizeConditions(now).find(({ reason }) => reason === 'Deferred');
  });
}

async function resizePlain(t: TestContext, cpu: number, memory: number): Promise<Pod> {
  const asked = await resize(t, 'plain', { main: both(`${cpu}m`, `${memory}Mi`) });
  const after = await untilResized(t, 'plain', asked.metadata?.generation);
  assertGiven(t, after, 'main', { cpu, memory });
  assertPod(t, after, { cpu, memory });
  return after;
}

/** The Pods are made and resized, and each kubelet finds them as the other left them, and resizes one of them itself. */
export async function overGo(t: TestContext): Promise<void> {
  try {
    await makePods(t);
    const first = await resizePlain(t, 200, 64);
    await takeOver(t, 'ts', 0);
    await takeOver(t, 'go', 1);
    await resizePlain(t, 150, 48);
    await takeOver(t, 'ts', 2);
    const last = await resizePlain(t, 80, 40);
    assert.deepEqual(
      [container(last, 'main')?.containerID, container(last, 'main')?.restartCount],
      [container(first, 'main')?.containerID, 0],
    );
    await t.lab.api.remove(`/api/v1/namespaces/${t.namespace}/pods/filler`);
    const granted = await untilResized(t, 'waiting');
    assert.equal(container(granted, 'main')?.restartCount, 0);
  } finally {
    if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
  }
}
