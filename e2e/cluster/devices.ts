// Kubernetes' own sample device plug-in: Pods get its devices, and nobody notices when it or a kubelet dies.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { startService, stopService } from '../../hack/cluster/service.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { podResourcesProtocol } from '../../src/plugins/protocols/podResources.ts';
import { type Caller, createCaller } from '../../src/rpc/caller.ts';
import { Connection } from '../../src/rpc/connection.ts';
import type { Protocol } from '../../src/rpc/protocol.ts';
import type { Node, Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { container, create, pod, removeAndWait, rest, shell, untilPhase, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

const RESOURCE = 'example.com/resource';
const SERVICE = 'sample-device-plugin';
/** The plug-in makes a file for each device, and has it mounted. */
const DEVICES = ['Dev-1', 'Dev-2'];

async function startPlugin(t: TestContext): Promise<void> {
  const tools = await ensureTools(['test-images']);
  startService(t.lab.cluster, { name: SERVICE, argv: [tools.bin('sampledeviceplugin')], place: 'node' });
}

/** A Pod that starts only if it sees exactly one of the plug-in's devices. */
function wanting(t: TestContext, name: string, spec: object = {}): Pod {
  const main = shell('main', `[ "$(ls /tmp | grep -c '^Dev-')" = 1 ] && ${rest}`, {
    resources: { limits: { [RESOURCE]: '1' } },
  });
  return pod(t, name, { containers: [main], ...spec });
}

/** Waits until the Node shows so many devices. */
async function untilNode(t: TestContext, capacity: string, allocatable: string): Promise<void> {
  await waitFor(`${capacity}/${allocatable} devices at the Node`, { timeout: patience }, async () => {
    const { status } = await t.lab.api.get<Node>(`/api/v1/nodes/${t.lab.node}`);
    return status?.capacity?.[RESOURCE] === capacity && status.allocatable?.[RESOURCE] === allocatable;
  });
}

/** Asks podresources; undefined while the kubelet does not answer, or does not know the Pod yet. */
async function ask<T>(t: TestContext, question: (caller: PodResourcesCaller) => Promise<T>): Promise<T | undefined> {
  const endpoint = path.join(t.lab.cluster.layout.kubeletRoot, 'pod-resources/kubelet.sock');
  using connection = new Connection({ endpoint, peer: 'kubelet' });
  const caller = createCaller(connection, podResourcesProtocol, 'v1.PodResourcesLister', 5000);
  return await question(caller).catch(() => undefined); // awaited here: the connection ends with this function
}
type Services = typeof podResourcesProtocol extends Protocol<infer S> ? S : never;
type PodResourcesCaller = Caller<Services, 'v1.PodResourcesLister'>;

/** Which devices a Pod has. */
async function idsOf(t: TestContext, name: string): Promise<string[]> {
  const answer = await waitFor(`podresources to know Pod ${name}`, { timeout: patience }, () =>
    ask(t, (caller) => caller.unary('Get', { podName: name, podNamespace: t.namespace })),
  );
  return (answer.podResources?.containers ?? []).flatMap((c) => c.devices.flatMap(({ deviceIds }) => deviceIds));
}

/** Waits until the kubelet that runs now has heard of so many healthy devices; the Node may show what the last one knew. */
async function untilOffered(t: TestContext, count: number): Promise<void> {
  await waitFor(`${count} devices to be offered`, { timeout: patience }, async () => {
    const answer = await ask(t, (caller) => caller.unary('GetAllocatableResources', {}));
    return answer?.devices.length === count;
  });
}

async function samplePlugin(t: TestContext): Promise<void> {
  const { cluster } = t.lab;
  try {
    await startPlugin(t);
    await untilNode(t, '2', '2');

    await create(t, wanting(t, 'one'));
    await create(t, wanting(t, 'two'));
    const [one] = [await untilReady(t, 'one'), await untilReady(t, 'two')];
    const given = [...(await idsOf(t, 'one')), ...(await idsOf(t, 'two'))];
    assert.deepEqual([...given].sort(), DEVICES);
    assert.deepEqual(container(one, 'main')?.allocatedResourcesStatus, [
      { name: RESOURCE, resources: [{ resourceID: given[0], health: 'Healthy' }] },
    ]);
    assert.deepEqual((await t.lab.why(t.namespace, 'one'))?.holds, [`main: ${RESOURCE} ${given[0]}`]);

    await create(t, wanting(t, 'three'));
    const refused = await untilPhase(t, 'three', 'Failed');
    assert.equal(refused.status?.reason, 'UnexpectedAdmissionError');
    assert.equal(
      refused.status?.message,
      `Pod was rejected: Allocate failed due to requested number of devices unavailable for ${RESOURCE}. Requested: 1, Available: 0, which is unexpected`,
    );
    const pending = await create(t, wanting(t, 'pending', { nodeName: undefined }));
    await t.lab.pods.until('the scheduler to say that there is no device', () =>
      t.lab.pods
        .get(t.namespace, 'pending')
        ?.status?.conditions?.some((c) => c.message?.includes(`Insufficient ${RESOURCE}`)),
    );
    const two = t.lab.pods.get(t.namespace, 'two');
    assert.ok(two);
    await removeAndWait(t, two);
    await untilReady(t, 'pending');
    assert.deepEqual(await idsOf(t, 'pending'), [given[1]]);

    const names = ['one', 'pending'];
    const held = async () => Promise.all(names.map((name) => idsOf(t, name)));
    const before = await held();
    const seen = Unnoticed.of(t, names);
    await stopService(cluster, SERVICE, 'SIGKILL');
    await untilNode(t, '2', '0');
    await seen.assert('the end of the plug-in');

    await stopKubelet(cluster, 'SIGKILL');
    await t.lab.startAgent();
    await waitForNodeReady(cluster, patience);
    await untilNode(t, '0', '0');
    await untilOffered(t, 0);
    await t.lab.untilLookedAt(seen.pods);
    await seen.assert('a kill of the agent without the plug-in');
    assert.deepEqual(await held(), before);

    await startPlugin(t);
    await untilNode(t, '2', '2');
    await stopKubelet(cluster, 'SIGKILL');
    await t.lab.startAgent();
    await untilOffered(t, 2);
    await t.lab.untilLookedAt(seen.pods);
    await seen.assert('a kill of the agent beside the plug-in');
    assert.deepEqual(await held(), before);

    await untilOldEnough(t, names);
    await stopKubelet(cluster);
    await startKubelet(cluster, 'go');
    await untilOffered(t, 2);
    await untilNode(t, '2', '2');
    assert.deepEqual(await held(), before, 'the Go kubelet gives the devices to others');
    await stopKubelet(cluster);
    await t.lab.startAgent();
    await untilOffered(t, 2);
    await t.lab.untilLookedAt(seen.pods);
    await seen.assert('the Go kubelet and back');
    assert.deepEqual(await held(), before);
    await removeAndWait(t, pending);
  } finally {
    try {
      await stopService(cluster, SERVICE);
    } finally {
      for (const device of DEVICES) rmSync(path.join('/tmp', device), { force: true });
      if (cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
    }
  }
}

export const devices = group('devices', [
  test('the sample device plug-in: its devices, its end, the end of both kubelets', samplePlugin, {
    mode: 'alone',
    weight: 2,
  }),
]);
