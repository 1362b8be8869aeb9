// Requests and limits in the cgroups, and Pods that the node has no room for.
import assert from 'node:assert/strict';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod, ResourceRequirements } from '../../src/types/k8s.ts';
import { cgroupValues } from '../lib/cgroupValues.ts';
import { patience } from '../lib/collection.ts';
import { container, create, pod, rest, restingPod, shell, untilPhase, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const Mi = 1024 * 1024;

async function withResources(t: TestContext, name: string, resources: object): Promise<Pod> {
  await create(
    t,
    pod(t, name, { containers: [shell('main', rest, { resources: resources as ResourceRequirements })] }),
  );
  return untilReady(t, name);
}

async function qosClasses(t: TestContext): Promise<void> {
  const cases = [
    {
      qos: 'Guaranteed',
      parent: '',
      resources: { limits: { cpu: '100m', memory: '64Mi' } },
      pod: { shares: 102, quota: 10_000, memory: 64 * Mi },
      main: { shares: 102, quota: 10_000, memory: 64 * Mi },
    },
    {
      qos: 'Burstable',
      parent: 'burstable/',
      resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { memory: '32Mi' } },
      pod: { shares: 51, quota: -1, memory: 32 * Mi },
      main: { shares: 51, quota: -1, memory: 32 * Mi },
    },
    {
      qos: 'BestEffort',
      parent: 'besteffort/',
      resources: {},
      pod: { shares: 2, quota: -1, memory: -1 },
      main: { shares: 2, quota: -1, memory: -1 },
    },
  ];
  await Promise.all(
    cases.map(async ({ qos, parent, resources, pod: forPod, main }) => {
      const up = await withResources(t, qos.toLowerCase(), resources);
      assert.equal(up.status?.qosClass, qos);
      const name = `pod${up.metadata?.uid}`;
      const id = container(up, 'main')?.containerID?.replace('containerd://', '') ?? '';
      const seenPod = cgroupValues(t.lab, name);
      const seenMain = cgroupValues(t.lab, id);
      const v2 = seenPod.shares === undefined;
      const expected = (place: string, { shares, ...more }: typeof forPod) => ({
        place,
        ...(v2 ? {} : { shares }),
        ...more,
      });
      const plain = ({ shares, ...more }: typeof seenPod) => ({ ...(v2 ? {} : { shares }), ...more });
      assert.deepEqual(plain(seenPod), expected(`${parent}${name}`, forPod), `${qos} Pod`);
      assert.deepEqual(plain(seenMain), expected(`${parent}${name}/${id}`, main), `${qos} container`);
    }),
  );
}

async function outOfMemory(t: TestContext): Promise<void> {
  const main = shell('main', 'tail /dev/zero', { resources: { limits: { memory: '16Mi' } } });
  await create(t, pod(t, 'oom', { restartPolicy: 'Never', containers: [main] }));
  const ended = container(await untilPhase(t, 'oom', 'Failed'), 'main')?.state?.terminated;
  assert.deepEqual([ended?.reason, ended?.exitCode], ['OOMKilled', 137]);
}

async function rejected(t: TestContext, name: string, made: Pod, reason: string, message: RegExp): Promise<void> {
  await create(t, made);
  const { status } = await untilPhase(t, name, 'Failed');
  assert.equal(status?.reason, reason);
  assert.match(status?.message ?? '', message);
  const event = await t.lab.events.until(`an event ${reason}`, () =>
    t.lab.events.all(t.namespace).find((e) => e.reason === reason && e.involvedObject?.name === name),
  );
  assert.equal(event.type, 'Warning');
}

async function noRoom(t: TestContext): Promise<void> {
  const cpu = pod(t, 'cpu', { containers: [shell('main', rest, { resources: { requests: { cpu: '1000' } } })] });
  await rejected(
    t,
    'cpu',
    cpu,
    'OutOfcpu',
    /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: \d+, capacity: \d+$/,
  );
  const memory = pod(t, 'memory', {
    containers: [shell('main', rest, { resources: { requests: { memory: '9Ti' } } })],
  });
  await rejected(
    t,
    'memory',
    memory,
    'OutOfmemory',
    /^Pod was rejected: Node didn't have enough resource: memory, requested: 9895604649984, used: \d+, capacity: \d+$/,
  );
}

async function portTaken(t: TestContext): Promise<void> {
  const ports = [{ containerPort: 80, hostPort: 21_001 }];
  await create(t, restingPod(t, 'first', { containers: [shell('main', rest, { ports })] }));
  await untilReady(t, 'first');
  const second = restingPod(t, 'second', { containers: [shell('main', rest, { ports })] });
  await rejected(
    t,
    'second',
    second,
    'NodePorts',
    /^Pod was rejected: Predicate NodePorts failed: node\(s\) didn't have free ports for the requested pod ports$/,
  );
}

async function otherNode(t: TestContext): Promise<void> {
  const made = restingPod(t, 'elsewhere', { nodeSelector: { disk: 'none-such' } });
  await rejected(
    t,
    'elsewhere',
    made,
    'NodeAffinity',
    /^Pod was rejected: Predicate NodeAffinity failed: node\(s\) didn't match Pod's node affinity\/selector$/,
  );
}

async function tooManyPods(t: TestContext): Promise<void> {
  await create(t, restingPod(t, 'fits'));
  await untilReady(t, 'fits');
  await t.lab.restartAgent({ config: { maxPods: 1 } });
  try {
    // Like the Go kubelet, the agent admits by the Node object, which it has to bring up to date first.
    await waitFor('the node to offer one place', { timeout: patience }, async () => {
      const url = `/api/v1/nodes/${t.lab.node}`;
      const node = await t.lab.api.get<{ status: { allocatable: Record<string, string> } }>(url);
      return node.status.allocatable.pods === '1';
    });
    const message =
      /^Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: \d+, capacity: \d+$/;
    await rejected(t, 'too-many', restingPod(t, 'too-many'), 'OutOfpods', message);
    assert.equal(t.lab.pods.get(t.namespace, 'fits')?.status?.phase, 'Running');
  } finally {
    await t.lab.restartAgent();
  }
}

export const resources = group('resources', [
  test('requests and limits of the three QoS classes are in the cgroups', qosClasses),
  test('OOMKilled', outOfMemory),
  test('OutOfcpu and OutOfmemory', noRoom),
  test('NodePorts', portTaken),
  test('NodeAffinity', otherNode),
  test('OutOfpods', tooManyPods, { mode: 'alone' }),
]);
