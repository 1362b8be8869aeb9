// What a worker does differently from the Go kubelet on purpose (docs/differences.md).
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

const isReady = (uid: string) => t.node.isReady(uid);
const container = (name: string, more: object = {}) => ({
  name,
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent' as const,
  ...more,
});

test('all main containers are created ahead and started in order', async () => {
  const names = ['a', 'b', 'c'];
  t.node.setPod(fakePod('web', { containers: names.map((name) => container(name)) }));
  await until(() => isReady('uid-web'));
  const calls = t.node.actions.flatMap(({ action: a }) =>
    a.kind === 'createContainer' || a.kind === 'startContainer' ? [`${a.kind} ${a.container}`] : [],
  );
  expect(calls.slice(0, 3).sort()).toEqual(names.map((n) => `createContainer ${n}`));
  expect(calls.slice(3)).toEqual(names.map((n) => `startContainer ${n}`));
});

test('a container that is created and not started yet is not shown', async () => {
  t.node.setPod(fakePod('web', { containers: [container('a'), container('b')] }));
  await until(() => isReady('uid-web'));
  const shown = t.world.statuses.get('uid-web')!.flatMap((s) => s.containerStatuses ?? []);
  expect(shown.length).toBeGreaterThan(2);
  for (const { containerID, state } of shown) expect(containerID !== undefined).toBe(state?.running !== undefined);
});

test('mounts are shown recursively read-only where the runtime can do that, from the first status on', async () => {
  const volumes = [{ name: 'tmp', emptyDir: {} }];
  const mount = { name: 'tmp', mountPath: '/t', readOnly: true, recursiveReadOnly: 'IfPossible' };
  t.node.setPod(fakePod('web', { volumes, containers: [container('a', { volumeMounts: [mount] })] }));
  await until(() => isReady('uid-web'));
  const modes = t.world.statuses.get('uid-web')!.map((s) => s.containerStatuses?.[0]?.volumeMounts?.[0]);
  expect(new Set(modes.map((m) => m?.recursiveReadOnly))).toEqual(new Set(['Enabled']));
});

test("a task that containerd kept does not bar a container's removal", async () => {
  t.node.setPod(fakePod('web', { restartPolicy: 'Never', containers: [container('a')] }));
  await until(() => isReady('uid-web'));
  const { id = '' } = t.world.cri.containersNamed('a')[0] ?? {};
  t.world.cri.leaveTask(id);
  t.world.cri.exitContainer(id, 0);
  await until(() => t.node.status('uid-web')?.phase === 'Succeeded');
  t.node.deletePod('uid-web');
  await until(() => t.world.cri.containersNamed('a').length === 0);
  expect(t.world.cri.callsTo('Delete')).toHaveLength(1);
});

test('an object that appears ends the wait for it at once, whatever the back-off', async () => {
  // No time passes here, so that no back-off can end.
  t.node[Symbol.dispose]();
  t.node = await new FakeNode(t.world, new ManualClock(Date.now())).start();
  const volumes = [{ name: 'config', configMap: { name: 'late', defaultMode: 0o644 } }];
  const mounts = { volumeMounts: [{ name: 'config', mountPath: '/config' }] };
  t.node.setPod(fakePod('web', { volumes, containers: [container('a', mounts)] }));
  const wait = () => t.node.workers.get('uid-web')?.last?.decision.reasons.find((r) => r.code === 'VolumeFailed');
  await until(() => wait() !== undefined);
  t.node.setObject('ConfigMap default/late', { metadata: { resourceVersion: '1' }, data: { key: 'value' } });
  await until(() => t.node.table.get('uid-web')?.volumePath('config') !== undefined);
});

test('a Pod whose cgroup is gone has it again before its next container, and nobody is ended for it', async () => {
  t.node.setPod(fakePod('web', { containers: [container('a'), container('b')] }));
  await until(() => isReady('uid-web'));
  const limits = t.world.podCgroups.get('uid-web');
  t.world.podCgroups.delete('uid-web');
  t.world.cri.exitContainer(t.world.cri.containersNamed('a')[0]!.id, 1);
  await until(() => t.world.cri.callsTo('CreateContainer').length === 3);
  expect(t.world.podCgroups.get('uid-web')).toEqual(limits);
  await until(() => isReady('uid-web'));
  expect(t.world.cri.callsTo('StopContainer')).toEqual([]);
  expect(t.world.cri.containersNamed('b')).toHaveLength(1);
});

test('an eviction survives a kill between the stop and its status', async () => {
  t.node.setPod(fakePod('web'));
  await until(() => isReady('uid-web'));
  t.node.beforeEffect = (_, action) => {
    if (action.kind === 'stopContainer') t.node.crash();
  };
  t.node.table.end('uid-web', { cause: 'evicted', graceSeconds: 1, reason: 'Evicted', message: 'low on memory' });
  await until(
    () =>
      t.world.cri.callsTo('StopContainer').length > 0 || t.node.actions.some((a) => a.action.kind === 'stopContainer'),
  );
  t.node = await new FakeNode(t.world).start();
  await until(() => t.node.status('uid-web')?.phase === 'Failed');
  expect(t.node.status('uid-web')).toMatchObject({ reason: 'Evicted', message: 'low on memory' });
});

test('environment variables reach the runtime in the order of their declaration', async () => {
  const names = ['Z', 'A', 'M', 'B', 'Y'];
  const env = names.map((name) => ({ name, value: name.toLowerCase() }));
  t.node.setPod(fakePod('web', { containers: [container('a', { env })] }));
  await until(() => isReady('uid-web'));
  const [call] = t.world.cri.callsTo('CreateContainer');
  const { config } = call!.request as { config: { envs: { key: string }[] } };
  expect(config.envs.map(({ key }) => key)).toEqual(names);
});

test('a sandbox that was made and could not be read is read again, not made again', async () => {
  t.world.cri.faults.inject('PodSandboxStatus', { kind: 'fail', code: 13, message: 'no status' });
  t.node.setPod(fakePod('web'));
  await until(() => isReady('uid-web'));
  expect(t.world.cri.callsTo('RunPodSandbox')).toHaveLength(1);
});

test('a static Pod that is removed and comes back at once goes on with its restart count', async () => {
  const pod = fakePod('fixed', { terminationGracePeriodSeconds: 1 });
  t.node.workers.set(pod, 'file');
  await until(() => isReady('uid-fixed'));
  const first = t.node.workers.get('uid-fixed');
  t.node.workers.remove(pod);
  t.node.workers.set(pod, 'file');
  await until(() => t.node.workers.get('uid-fixed') !== first && isReady('uid-fixed'));
  expect(t.node.status('uid-fixed')?.containerStatuses?.[0]?.restartCount).toBe(1);
});

test.each(['Always', 'Never'])(
  'a static Pod (%s) whose manifest comes back while it is being ended as an orphan runs again',
  async (policy) => {
    const pod = fakePod('fixed', { terminationGracePeriodSeconds: 1, restartPolicy: policy });
    t.node.workers.set(pod, 'file');
    await until(() => isReady('uid-fixed'));
    t.node[Symbol.dispose]();
    t.node = await new FakeNode(t.world).start();
    t.node.workers.sourcesSynced();
    await until(() => t.node.workers.get('uid-fixed')?.memory.termination?.cause === 'orphaned');
    const orphan = t.node.workers.get('uid-fixed');
    t.node.workers.set(pod, 'file');
    await until(() => t.node.workers.get('uid-fixed') !== orphan && isReady('uid-fixed'));
    expect(t.world.cri.containersNamed('main').filter((c) => c.state === 'CONTAINER_RUNNING')).toHaveLength(1);
  },
);
