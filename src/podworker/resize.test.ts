// A resize of a running Pod (KEP-1287): allocated by the ledger, written down, carried out, shown.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { testNode } from '../ledger/fake/pods.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import type { ContainerResizePolicy, Pod, ResourceRequirements } from '../types/k8s.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';
import { unnoticed } from './fake/unnoticed.ts';
import type { PodFacts } from './rules/facts.ts';

let clock: ManualClock;
const t = freshNode((world) => {
  clock = new ManualClock(Date.now());
  world.nodeView = testNode({}, { pods: '200', cpu: '4', memory: '8Gi' });
  return new FakeNode(world, clock);
});

interface Shape {
  readonly name?: string;
  readonly memory?: string;
  readonly policy?: ContainerResizePolicy[];
  readonly spec?: object;
}
const podOf = (cpu: string, generation: number, { name = 'web', memory, policy, spec }: Shape = {}): Pod => {
  const amounts = { cpu, ...(memory && { memory }) };
  const resources: ResourceRequirements = { requests: amounts, limits: amounts };
  const main = { name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', resources };
  return fakePod(name, { containers: [{ ...main, ...(policy && { resizePolicy: policy }) }], ...spec }, { generation });
};
const status = (name = 'web') => t.node.status(`uid-${name}`);
const condition = (type: string, name = 'web') => status(name)?.conditions?.find((one) => one.type === type);
const shown = (name = 'web') => status(name)?.containerStatuses?.[0];
const told = (name = 'web') =>
  t.node.events.filter(({ reason, uid }) => reason.startsWith('Resize') && uid === `uid-${name}`).map((e) => e.reason);
const updates = () => t.world.cri.callsTo('UpdateContainerResources').length;
const limitsOf = (name = 'web') => t.world.podCgroups.get(`uid-${name}`);
const later = (condition: () => boolean) =>
  until(() => {
    if (condition()) return true;
    clock.advance(1000);
    return false;
  });
const isDone = (cpu: string, name = 'web') =>
  shown(name)?.allocatedResources?.cpu === cpu &&
  shown(name)?.resources?.requests?.cpu === cpu &&
  !condition('PodResizeInProgress', name) &&
  !condition('PodResizePending', name);

/** Statuses that call generation 2 observed without saying that its resize is not over. */
const premature = (cpu: string) =>
  t.world.statuses.get('uid-web')?.filter((one) => {
    const isOver = !one.conditions?.some(({ type }) => type.startsWith('PodResize'));
    return one.observedGeneration === 2 && isOver && one.containerStatuses?.[0]?.resources?.limits?.cpu !== cpu;
  });

/** What the API server has by now is Ready, with resources. */
async function started(pod: Pod): Promise<void> {
  t.node.setPod(pod);
  const { uid = '', name } = pod.metadata ?? {};
  const isWritten = () => t.world.accepted.get(uid)?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  await later(() => t.node.isReady(uid) && shown(name)?.resources !== undefined && isWritten() === true);
}

/** Ends with each test: what a restart of the agent has begun must not have been seen by then. */
const watches: (() => void)[] = [];
afterEach(() => {
  for (const assertUnnoticed of watches.splice(0)) assertUnnoticed();
});

/** kill -9, and the next life; `pods`: as the API server has them now. Nothing of it is seen at the Pod web. */
async function restarted(...pods: Pod[]): Promise<void> {
  watches.push(unnoticed(t.world, ['uid-web']));
  t.node.crash();
  for (const pod of pods)
    t.world.pods.set(pod.metadata!.uid!, { ...pod, status: t.world.accepted.get(pod.metadata!.uid!)! });
  t.node = await new FakeNode(t.world, clock).start();
}

describe.each([
  ['grows', '500m', '700m'],
  ['shrinks', '700m', '500m'],
])('CPU that %s', (_name, before, after) => {
  test('is carried out without a restart, told, and shown', async () => {
    await started(podOf(before, 1));
    const { id } = t.world.cri.containersNamed('main')[0]!;
    const assertUnnoticed = unnoticed(t.world, ['uid-web']);
    t.node.setPod(podOf(after, 2));
    await later(() => isDone(after));
    assertUnnoticed();
    expect(t.world.cri.containersNamed('main').map((c) => c.id)).toEqual([id]);
    expect(shown()).toMatchObject({ restartCount: 0, resources: { limits: { cpu: after } } });
    expect(limitsOf()).toMatchObject({ cpuQuota: Number.parseInt(after, 10) * 100 });
    expect(status()).toMatchObject({ observedGeneration: 2, resources: { limits: { cpu: after } } });
    expect(told()).toEqual(['ResizeStarted', 'ResizeCompleted']);
    expect(premature(after)).toEqual([]);
    expect(t.node.events.find(({ reason }) => reason === 'ResizeCompleted')?.message).toBe(
      `Pod resize completed: {"containers":[{"name":"main","resources":{"limits":{"cpu":"${after}"},"requests":{"cpu":"${after}"}}}],"generation":2}`,
    );
    expect(t.node.ledger.snapshot().admitted[0]?.requests.cpu).toBe(BigInt(Number.parseInt(after, 10)));
    expect(t.node.allocated.get('uid-web')?.containers.main?.requests).toEqual({ cpu: after });
    await t.node.actuated.flush();
    expect(t.node.actuated.get('uid-web')?.containers.main?.requests).toEqual({ cpu: after });
  });
});

test('a container whose policy asks for it keeps running when only other resources change', async () => {
  const policy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
  await started(podOf('500m', 1, { policy, memory: '100Mi' }));
  const assertUnnoticed = unnoticed(t.world, ['uid-web']);
  t.node.setPod(podOf('700m', 2, { policy, memory: '100Mi' }));
  await later(() => isDone('700m'));
  assertUnnoticed();
});

test('a container that restarts later has what was allocated, and its back-off is not reset', async () => {
  await started(podOf('500m', 1));
  t.node.setPod(podOf('700m', 2));
  await later(() => isDone('700m'));
  t.world.cri.exitContainer(t.world.cri.containersNamed('main')[0]!.id, 1);
  await later(() => t.world.cri.callsTo('CreateContainer').length === 2);
  const { config } = t.world.cri.callsTo('CreateContainer')[1]!.request as {
    config: { linux: { resources: { cpuQuota: string } } };
  };
  expect(config.linux.resources.cpuQuota).toBe('70000');
  const delay = () => t.node.workers.get('uid-web')?.memory.backoff.main?.delayMs;
  expect(delay()).toBe(10_000);
  t.node.setPod(podOf('600m', 3));
  await later(() => isDone('600m'));
  t.world.cri.exitContainer(t.world.cri.containersNamed('main').find((c) => c.state === 'CONTAINER_RUNNING')!.id, 1);
  await later(() => t.world.cri.callsTo('CreateContainer').length === 3);
  expect(delay()).toBe(20_000);
});

test('what a container was made with is known with the container, and costs no turn of its own', async () => {
  await started(podOf('500m', 1));
  const early = t.node.trace.filter(({ facts }) => {
    const { actuated, runtime } = facts as PodFacts;
    return actuated?.containers.main !== undefined && runtime?.containers.length === 0;
  });
  expect(early).toEqual([]);
});

test('one whose resizePolicy demands it is restarted once, with what is allocated; its Pod stays Running', async () => {
  const policy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
  await started(podOf('500m', 1, { policy }));
  const from = t.world.statuses.get('uid-web')!.length;
  t.node.setPod(podOf('700m', 2, { policy }));
  await later(() => isDone('700m') && shown()?.restartCount === 1);
  expect(updates()).toBe(0);
  expect(limitsOf()).toMatchObject({ cpuQuota: 70_000 });
  const killing = t.node.events.filter(({ reason }) => reason === 'Killing');
  expect(killing.map(({ message }) => message)).toEqual(['Container main resize requires restart']);
  const written = t.world.statuses.get('uid-web')!.slice(from);
  expect(written.map(({ phase }) => phase)).toEqual(written.map(() => 'Running'));
  await restarted(podOf('700m', 2, { policy }));
  await later(() => t.node.isReady('uid-web') && t.node.table.get('uid-web')?.reasons.length === 0);
  expect(shown()?.restartCount).toBe(1);
  expect(t.world.cri.callsTo('CreateContainer')).toHaveLength(2);
});

describe('a resize for which there is no room', () => {
  const message = "Node didn't have enough resource: cpu, requested: 3500, used: 1000, capacity: 4000";

  async function deferred(): Promise<void> {
    await started(podOf('1', 1, { name: 'other' }));
    await started(podOf('500m', 1));
    t.node.setPod(podOf('3500m', 2));
    await later(() => condition('PodResizePending') !== undefined);
  }

  test('is deferred: the Pod goes on with what it has, and nobody waits for it', async () => {
    await deferred();
    expect(condition('PodResizePending')).toMatchObject({ reason: 'Deferred', message, observedGeneration: 2 });
    expect(isDone('500m')).toBe(false);
    expect(shown()).toMatchObject({ allocatedResources: { cpu: '500m' }, resources: { limits: { cpu: '500m' } } });
    expect(told()).toEqual(['ResizeDeferred']);
    expect(t.node.isReady('uid-web')).toBe(true);
    await started(podOf('2', 1, { name: 'third' }));
  });

  test('is carried out when another Pod has ended', async () => {
    await deferred();
    t.node.deletePod('uid-other');
    await later(() => isDone('3500m'));
    expect(told()).toEqual(['ResizeDeferred', 'ResizeStarted', 'ResizeCompleted']);
  });

  test('is over when the Pod asks for what it has, and not granted afterwards', async () => {
    await deferred();
    t.node.setPod(podOf('0.5', 3));
    await later(() => condition('PodResizePending') === undefined);
    t.node.deletePod('uid-other');
    await later(() => t.node.table.get('uid-other') === undefined);
    expect(isDone('0.5')).toBe(false);
    expect(shown()?.resources?.limits?.cpu).toBe('500m');
    expect(told()).toEqual(['ResizeDeferred']);
    expect(t.node.ledger.snapshot().admitted.map(({ requests }) => requests.cpu)).toEqual([500n]);
  });

  test('stays deferred over a restart of the agent, told once, and is granted later', async () => {
    await deferred();
    const since = condition('PodResizePending')?.lastTransitionTime;
    await restarted(podOf('1', 1, { name: 'other' }), podOf('3500m', 2));
    await later(() => t.node.table.get('uid-web')?.reasons[0]?.code === 'ResizePending');
    expect(condition('PodResizePending')).toMatchObject({ reason: 'Deferred', message, lastTransitionTime: since });
    expect(told()).toEqual([]);
    expect(updates()).toBe(0);
    t.node.deletePod('uid-other');
    await later(() => isDone('3500m'));
    expect(shown()?.restartCount).toBe(0);
  });
});

test('a memory limit below what is used is an error, until less is used', async () => {
  await started(podOf('1', 1, { memory: '200Mi' }));
  t.world.memoryUsed.set('uid-web', 150 * 2 ** 20);
  t.node.setPod(podOf('1', 2, { memory: '100Mi' }));
  await later(() => condition('PodResizeInProgress')?.reason === 'Error');
  expect(condition('PodResizeInProgress')?.message).toContain(
    'cannot decrease memory limits: attempting to set pod memory limit (104857600) below current usage (157286400)',
  );
  expect(shown()).toMatchObject({
    allocatedResources: { memory: '100Mi' },
    resources: { limits: { memory: '200Mi' } },
  });
  expect(updates()).toBe(0);
  t.world.memoryUsed.set('uid-web', 50 * 2 ** 20);
  await later(() => !condition('PodResizeInProgress'));
  expect(shown()?.resources?.limits?.memory).toBe('100Mi');
  expect(limitsOf()?.memory).toBe(100 * 2 ** 20);
  expect(new Set(told())).toEqual(new Set(['ResizeStarted', 'ResizeError', 'ResizeCompleted']));
});

test('a container limit below what it uses is told of that container', async () => {
  await started(podOf('1', 1, { memory: '200Mi' }));
  const { id } = t.world.cri.containersNamed('main')[0]!;
  t.world.cri.usage.set(id, { memoryBytes: 150 * 2 ** 20 });
  t.node.setPod(podOf('1', 2, { memory: '100Mi' }));
  await later(() => condition('PodResizeInProgress')?.reason === 'Error');
  expect(condition('PodResizeInProgress')?.message).toBe(
    'cannot decrease memory limits: attempting to set container "main" memory limit (104857600) below current usage (157286400)',
  );
});

test('a cgroup that does not take it: the runtime is told to take the resize back, and it is tried again', async () => {
  await started(podOf('500m', 1));
  let refusals = 1;
  t.world.onCgroupWrite = () => {
    if (refusals-- > 0) throw new Error('EINVAL: invalid argument, write');
  };
  t.node.setPod(podOf('700m', 2));
  await later(() => isDone('700m'));
  const quotas = t.world.cri
    .callsTo('UpdatePodSandboxResources')
    .map(({ request }) => (request as { resources: { cpuQuota: string } }).resources.cpuQuota);
  expect(quotas.slice(0, 3)).toEqual(['70000', '50000', '70000']);
  expect(told()).toEqual(['ResizeStarted', 'ResizeError', 'ResizeCompleted']);
});

test('what was asked while no agent ran is carried out by the next', async () => {
  await started(podOf('500m', 1));
  await restarted(podOf('700m', 2));
  await later(() => isDone('700m'));
  expect(shown()?.restartCount).toBe(0);
});

test('without a record the status says what the Pod has', async () => {
  await started(podOf('500m', 1));
  t.node.crash();
  await rm(join(t.world.root, 'allocated_pods_state'), { force: true });
  await rm(join(t.world.root, 'actuated_pods_state'), { force: true });
  await restarted(podOf('700m', 2));
  await later(() => isDone('700m'));
  expect(shown()?.restartCount).toBe(0);
});

describe.each(['allocate', 'resizePod'] as const)('kill -9 at %s', (kind) => {
  test.each(['before', 'after'] as const)('%s it: the next agent goes on, nothing restarts', async (when) => {
    await started(podOf('500m', 1));
    const { id } = t.world.cri.containersNamed('main')[0]!;
    const assertUnnoticed = unnoticed(t.world, ['uid-web']);
    const { node } = t;
    const dead = Promise.withResolvers<void>();
    node[`${when}Effect`] = (_uid, action) => {
      if (action.kind !== kind) return;
      node.crash();
      dead.resolve();
    };
    t.node.setPod(podOf('700m', 2));
    await dead.promise;
    await restarted(podOf('700m', 2));
    await later(() => isDone('700m'));
    expect(t.world.cri.containersNamed('main').map((c) => c.id)).toEqual([id]);
    expect(limitsOf()).toMatchObject({ cpuQuota: 70_000 });
    expect(t.node.ledger.snapshot().admitted.map(({ requests }) => requests.cpu)).toEqual([700n]);
    expect(premature('700m')).toEqual([]);
    assertUnnoticed();
  });
});

test('an agent that is killed before it wrote down what a container was made with leaves nothing to be seen or done', async () => {
  await started(podOf('500m', 1));
  const written = t.world.statuses.get('uid-web')!.length;
  t.node.crash();
  await rm(join(t.world.root, 'actuated_pods_state'), { force: true });
  await restarted(podOf('500m', 1));
  await later(() => t.node.table.get('uid-web')?.reasons.length === 0 && t.node.isReady('uid-web'));
  expect(updates()).toBe(0);
  expect(told()).toEqual([]);
  expect(
    t.world.statuses
      .get('uid-web')!
      .slice(written)
      .flatMap(({ conditions = [] }) => conditions.map((c) => c.type)),
  ).not.toContain('PodResizeInProgress');
  expect(t.node.actuated.get('uid-web')?.containers.main?.requests).toEqual({ cpu: '500m' });
});

describe('what else can be resized', () => {
  const plain = { image: 'busybox', imagePullPolicy: 'IfNotPresent' };
  const both = (cpu: string): ResourceRequirements => ({ requests: { cpu }, limits: { cpu } });
  const quotaOf = (name: string) =>
    Number(t.world.cri.containersNamed(name).find((c) => c.state === 'CONTAINER_RUNNING')?.resources?.cpuQuota);

  test('the Pod as a whole: its containers without limits of their own follow', async () => {
    const podOf2 = (cpu: string, generation: number) =>
      fakePod('web', { containers: [{ ...plain, name: 'main' }], resources: both(cpu) }, { generation });
    await started(podOf2('500m', 1));
    t.node.setPod(podOf2('900m', 2));
    await later(() => status()?.resources?.limits?.cpu === '900m' && !condition('PodResizeInProgress'));
    expect(status()?.allocatedResources?.cpu).toBe('900m');
    expect([quotaOf('main'), limitsOf()?.cpuQuota]).toEqual([90_000, 90_000]);
    expect(t.node.actuated.get('uid-web')).toMatchObject({
      pod: both('900m'),
      containers: { main: { limits: { cpu: '900m' } } },
    });
    t.node.setPod(podOf2('300m', 3));
    await later(() => status()?.resources?.limits?.cpu === '300m' && !condition('PodResizeInProgress'));
    expect([quotaOf('main'), limitsOf()?.cpuQuota]).toEqual([30_000, 30_000]);
    expect(shown()?.restartCount).toBe(0);
  });

  test('a sidecar, and an init container that runs', async () => {
    t.world.cri.scripts.forContainer('init', { runMs: 60_000, exitCode: 0 });
    const podOf2 = (cpu: string, generation: number) =>
      fakePod(
        'web',
        {
          initContainers: [
            { ...plain, name: 'side', restartPolicy: 'Always', resources: both(cpu) },
            { ...plain, name: 'init', resources: both(cpu) },
          ],
          containers: [{ ...plain, name: 'main', resources: both('100m') }],
        },
        { generation },
      );
    t.node.setPod(podOf2('500m', 1));
    await later(() => quotaOf('init') === 50_000 && quotaOf('side') === 50_000);
    t.node.setPod(podOf2('700m', 2));
    await later(() => quotaOf('init') === 70_000 && quotaOf('side') === 70_000 && !condition('PodResizeInProgress'));
    expect(limitsOf()?.cpuQuota).toBe(140_000);
    expect(status()?.initContainerStatuses?.map((one) => one.allocatedResources?.cpu)).toEqual(['700m', '700m']);
  });
});
