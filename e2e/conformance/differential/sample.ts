import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../../hack/cluster/control.ts';
import type { Cluster } from '../../../hack/cluster/state.ts';
import { step } from '../../../hack/lib/log.ts';
import { waitFor } from '../../../hack/lib/wait.ts';
import { kubectl } from './kubectl.ts';
import { samplePods } from './pods.ts';
import { CriRecorder, type RecordedCall } from './recorder.ts';

interface PodObject {
  metadata: { name: string };
  status: Record<string, unknown> & { conditions?: { type: string; status: string }[]; phase?: string };
}
interface EventObject {
  involvedObject: { name: string };
  reason: string;
  type: string;
  message: string;
  source?: { component?: string };
  reportingComponent?: string;
}

/** What one kubelet made of the sample Pods. */
export interface Sample {
  calls: readonly RecordedCall[];
  /** By Pod, after everything has come to rest. */
  statuses: Map<string, PodObject['status']>;
  /** By Pod: `TYPE REASON MESSAGE`, each once. */
  events: Map<string, string[]>;
}

const namespace = 'differential';

async function createObjects(cluster: Cluster): Promise<void> {
  await kubectl(cluster, ['create', 'namespace', namespace]);
  const meta = (name: string): object => ({ name, namespace });
  const objects = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('config'), data: { a: '1', b: '2' } },
    { apiVersion: 'v1', kind: 'Secret', metadata: meta('secret'), stringData: { s: 'x' } },
    { apiVersion: 'v1', kind: 'Service', metadata: meta('service'), spec: { ports: [{ port: 80 }] } },
  ];
  await kubectl(cluster, ['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items: objects });
  const account = async (): Promise<boolean> =>
    (await kubectl(cluster, ['-n', namespace, 'get', 'serviceaccounts', '-o', 'name'])).includes('/default');
  await waitFor('the default service account', { timeout: 30_000 }, account);
}

async function listPods(cluster: Cluster): Promise<PodObject[]> {
  const text = await kubectl(cluster, ['-n', namespace, 'get', 'pods', '-o', 'json']);
  return (JSON.parse(text) as { items: PodObject[] }).items;
}

/** Creates the Pods in lots, so that neither kubelet's start limits decide the order, and waits until each is at rest. */
async function runPods(cluster: Cluster, wanted: RegExp): Promise<PodObject[]> {
  const chosen = samplePods().filter(({ metadata }) => wanted.test(metadata.name));
  const all = chosen.map((pod) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    ...pod,
    metadata: { ...pod.metadata, namespace },
    spec: { ...pod.spec, nodeName: cluster.layout.nodeName },
  }));
  for (let at = 0; at < all.length; at += 10) {
    const items = all.slice(at, at + 10);
    await kubectl(cluster, ['apply', '-f', '-'], { apiVersion: 'v1', kind: 'List', items });
    const names = new Set(items.map(({ metadata }) => metadata.name));
    await waitFor(`Pods ${at} to ${at + 9}`, { timeout: 120_000, interval: 1000 }, async () => {
      const pods = (await listPods(cluster)).filter(({ metadata }) => names.has(metadata.name));
      return pods.length === names.size && pods.every(atRest);
    });
  }
  await sleep(5000); // a fixed span in which late writes of either kubelet arrive; nothing is asserted about it
  return listPods(cluster);
}

function atRest({ metadata, status }: PodObject): boolean {
  if (/image-absent|never-pull/.test(metadata.name))
    return /Image/.test(JSON.stringify(status.containerStatuses ?? ''));
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return true;
  return status.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;
}

async function listEvents(cluster: Cluster): Promise<Map<string, string[]>> {
  const text = await kubectl(cluster, ['-n', namespace, 'get', 'events', '-o', 'json']);
  const map = new Map<string, Set<string>>();
  for (const event of (JSON.parse(text) as { items: EventObject[] }).items) {
    if ((event.source?.component ?? event.reportingComponent) !== 'kubelet') continue;
    const set = map.get(event.involvedObject.name) ?? new Set<string>();
    map.set(event.involvedObject.name, set.add(`${event.type} ${event.reason} ${event.message}`));
  }
  return new Map([...map].map(([name, set]) => [name, [...set].sort()]));
}

/** Runs the sample Pods (those whose names match) on one kubelet, whose runtime is reached through a recorder, and removes them again. */
export async function takeSample(cluster: Cluster, kubelet: 'go' | 'ts', wanted = /./): Promise<Sample> {
  const socket = path.join(cluster.layout.run, 'recorder.sock');
  const recorder = new CriRecorder(cluster.layout.containerdSocket);
  await stopKubelet(cluster);
  await recorder.listen(socket);
  try {
    await kubectl(cluster, ['delete', 'namespace', namespace, '--ignore-not-found']);
    await startKubelet(cluster, kubelet, { config: { containerRuntimeEndpoint: `unix://${socket}` } });
    await waitForNodeReady(cluster);
    await createObjects(cluster);
    const pods = await step(`${kubelet}: running the sample`, () => runPods(cluster, wanted));
    const events = await listEvents(cluster);
    await step(`${kubelet}: deleting it`, () => kubectl(cluster, ['delete', 'namespace', namespace, '--timeout=180s']));
    const statuses = new Map(pods.map(({ metadata, status }) => [metadata.name, status]));
    return { calls: recorder.calls, statuses, events };
  } finally {
    await stopKubelet(cluster);
    recorder.close();
  }
}
