// The agent is killed, or changes places with the Go kubelet, and nobody who watches its Pods or their Service can tell.
import assert from 'node:assert/strict';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { KubeObject, PodSpec, Probe } from '../../src/types/k8s.ts';
import { Collection, patience } from '../lib/collection.ts';
import { outMount, outVolume, untilWritten } from '../lib/files.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { container, create, pod, removeAndWait, rest, restingPod, shell, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly { readonly conditions?: { readonly ready?: boolean } }[];
}

/** A probe that leaves a line each time it is asked. Its failures never count enough to end a container. */
const probe = (file: string, answer: 'true' | 'false'): Probe => ({
  exec: { command: ['sh', '-c', `echo asked >> /out/${file}; ${answer}`] },
  periodSeconds: 1,
  failureThreshold: answer === 'true' ? 3 : 100_000,
});

type Probed = Readonly<Record<string, () => object>>;

/** The Service's Pods by their probes. */
const served = {
  none: () => ({}),
  readiness: () => ({ readinessProbe: probe('readiness', 'true') }),
  startup: () => ({ startupProbe: probe('startup', 'true') }),
};
/** Of the Service too, but not ready; they must not look it. */
const down = { down: () => ({ readinessProbe: { ...probe('down', 'false'), failureThreshold: 1 } }) };
/** Starting up for ever. The Go kubelet takes such a container as started when it is started anew: not for swaps. */
const halfWay = { 'half-way': () => ({ startupProbe: probe('half-way', 'false') }) };

function spec(t: TestContext, probes: object): Partial<PodSpec> {
  return { containers: [shell('main', rest, { volumeMounts: [outMount], ...probes })], volumes: [outVolume(t)] };
}

async function createAll(t: TestContext, unready: Probed): Promise<void> {
  const ports = [{ port: 80 }];
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { ports, selector: { in: 'web' } },
  };
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/services`, service);
  for (const [name, probes] of Object.entries({ ...served, ...unready })) {
    const labels = { in: 'web' };
    await create(t, pod(t, name, spec(t, probes()), { labels }));
  }
  for (const name of Object.keys(served)) await untilReady(t, name);
  for (const name of Object.keys(unready))
    await untilPod(t, name, 'to run', (p) => container(p, 'main')?.state?.running !== undefined);
  await untilAskedAgain(t, unready);
}

/** Waits until each probe was asked twice more: the second time the first answer has been dealt with. */
async function untilAskedAgain(t: TestContext, unready: Probed): Promise<void> {
  const lines = (text: string) => text.split('\n').length;
  for (const file of ['readiness', ...Object.keys(unready)]) {
    let from: number | undefined;
    await untilWritten(t, file, (text) => {
      from ??= lines(text);
      return lines(text) >= from + 2;
    });
  }
}

/** The Service's slices from when three of its Pods are ready on; `assert` fails when its endpoints were ever others. */
async function watchSlices(t: TestContext, all: number) {
  const url = `/apis/discovery.k8s.io/v1/namespaces/${t.namespace}/endpointslices`;
  const slices = new Collection<EndpointSlice>(t.lab.api, url);
  const points = (slice: EndpointSlice) => slice.endpoints ?? [];
  const readyOnes = () => slices.all().flatMap((s) => points(s).filter((e) => e.conditions?.ready));
  await slices.until('the Service to have its endpoints', () => readyOnes().length === Object.keys(served).length);
  await slices.until('the Service to list all Pods', () => slices.all().flatMap(points).length === all);
  const [first] = slices.all();
  const seen = () => slices.history(first?.metadata?.uid ?? '');
  const versions = seen().length;
  return {
    /** What is written later is newer than this object, which is made for that: a watch that shows it has shown everything. */
    async assert(what: string): Promise<void> {
      const name = `mark-${performance.now().toFixed(0)}`;
      await t.lab.api.create(url, {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name },
        addressType: 'IPv4',
        endpoints: [],
      });
      await slices.until('the watch of EndpointSlices to have come to the present', () =>
        slices.get(t.namespace, name),
      );
      for (const { object } of seen().slice(versions)) assert.deepEqual(points(object), points(first ?? {}), what);
    },
    [Symbol.asyncDispose]: () => slices[Symbol.asyncDispose](),
  };
}

const nodeReady = async (t: TestContext): Promise<string> => {
  const { status } = await t.lab.api.get<{
    status: { conditions: { type: string; status: string; lastTransitionTime: string }[] };
  }>(`/api/v1/nodes/${t.lab.node}`);
  const ready = status.conditions.find((c) => c.type === 'Ready');
  return `${ready?.status} since ${ready?.lastTransitionTime}`;
};

async function killed(t: TestContext): Promise<void> {
  const mirror = mirrorName(t, 'manifest');
  const unready = { ...down, ...halfWay };
  const names = Object.keys({ ...served, ...unready });
  try {
    writeManifest(t, 'manifest', staticPod(t, 'manifest', spec(t, { ...served.startup(), ...served.readiness() })));
    await createAll(t, unready);
    await untilReady(t, mirror);
    await using slices = await watchSlices(t, names.length);
    const seen = Unnoticed.of(t, [...names, mirror]);
    const [node, kills] = [await nodeReady(t), t.full ? 10 : 3];
    for (let kill = 1; kill <= kills; kill++) {
      await stopKubelet(t.lab.cluster, 'SIGKILL');
      await t.lab.startAgent();
      await t.lab.untilLookedAt(t.lab.pods.all(t.namespace));
      await untilAskedAgain(t, unready);
      await seen.assertUnwritten(`kill ${kill}`);
      await slices.assert(`endpoints after kill ${kill}`);
      assert.equal(await nodeReady(t), node, `the node's Ready after kill ${kill}`);
    }
    t.note(`${kills} kills`);
  } finally {
    removeManifest(t, 'manifest');
  }
  await t.lab.pods.until('the mirror to go', () => !t.lab.pods.get(t.namespace, mirror));
}

/** The other kubelet on the node; a Pod that it starts and ends shows that it has taken over. */
async function takeOver(t: TestContext, kind: 'go' | 'ts', round: number): Promise<void> {
  await stopKubelet(t.lab.cluster);
  if (kind === 'go') await startKubelet(t.lab.cluster, 'go');
  else await t.lab.startAgent();
  const made = await create(t, restingPod(t, `shows-${round}`));
  await untilReady(t, `shows-${round}`);
  await removeAndWait(t, made);
  await untilAskedAgain(t, down);
  await waitForNodeReady(t.lab.cluster, patience);
}

async function swapped(t: TestContext): Promise<void> {
  const names = Object.keys({ ...served, ...down });
  try {
    await createAll(t, down);
    await using slices = await watchSlices(t, names.length);
    const seen = Unnoticed.of(t, names);
    await untilOldEnough(t, names);
    const swaps = t.full ? 10 : 2;
    for (let swap = 1; swap <= swaps; swap++) {
      const kind = swap % 2 ? 'go' : 'ts';
      await takeOver(t, kind, swap);
      await seen.assert(`swap ${swap}, to ${kind}`);
      await slices.assert(`endpoints after swap ${swap}, to ${kind}`);
    }
    t.note(`${swaps} swaps`);
  } finally {
    if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
  }
}

export const restarts = group('restarts', [
  test('kills of the agent are seen at no Pod, Service or Node', killed, { mode: 'alone' }),
  test('swaps with the Go kubelet are seen at no Pod or Service', swapped, { mode: 'alone' }),
]);
