// What a worker does differently from the Go kubelet on purpose (docs/differences.md).
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakePod, fakeWorld } from './fake/fakeNode.ts';

let world: FakeWorld;
let node: FakeNode;

beforeEach(async () => {
  world = await fakeWorld();
  node = await new FakeNode(world).start();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const isReady = (uid: string) => node.status(uid)?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
const container = (name: string, more: object = {}) => ({
  name,
  image: 'busybox',
  imagePullPolicy: 'IfNotPresent' as const,
  ...more,
});

test('all main containers are created ahead and started in order', async () => {
  const names = ['a', 'b', 'c'];
  node.setPod(fakePod('web', { containers: names.map((name) => container(name)) }));
  await until(() => isReady('uid-web'));
  const calls = node.actions.flatMap(({ action: a }) =>
    a.kind === 'createContainer' || a.kind === 'startContainer' ? [`${a.kind} ${a.container}`] : [],
  );
  expect(calls.slice(0, 3).sort()).toEqual(names.map((n) => `createContainer ${n}`));
  expect(calls.slice(3)).toEqual(names.map((n) => `startContainer ${n}`));
});

test('a container that is created and not started yet is not shown', async () => {
  node.setPod(fakePod('web', { containers: [container('a'), container('b')] }));
  await until(() => isReady('uid-web'));
  const shown = world.statuses.get('uid-web')!.flatMap((s) => s.containerStatuses ?? []);
  expect(shown.length).toBeGreaterThan(2);
  for (const { containerID, state } of shown) expect(containerID !== undefined).toBe(state?.running !== undefined);
});

test('mounts are shown recursively read-only where the runtime can do that, from the first status on', async () => {
  const volumes = [{ name: 'tmp', emptyDir: {} }];
  const mount = { name: 'tmp', mountPath: '/t', readOnly: true, recursiveReadOnly: 'IfPossible' };
  node.setPod(fakePod('web', { volumes, containers: [container('a', { volumeMounts: [mount] })] }));
  await until(() => isReady('uid-web'));
  const modes = world.statuses.get('uid-web')!.map((s) => s.containerStatuses?.[0]?.volumeMounts?.[0]);
  expect(new Set(modes.map((m) => m?.recursiveReadOnly))).toEqual(new Set(['Enabled']));
});

test("a task that containerd kept does not bar a container's removal", async () => {
  node.setPod(fakePod('web', { restartPolicy: 'Never', containers: [container('a')] }));
  await until(() => isReady('uid-web'));
  const { id = '' } = world.cri.containersNamed('a')[0] ?? {};
  world.cri.leaveTask(id);
  world.cri.exitContainer(id, 0);
  await until(() => node.status('uid-web')?.phase === 'Succeeded');
  node.deletePod('uid-web');
  await until(() => world.cri.containersNamed('a').length === 0);
  expect(world.cri.callsTo('Delete')).toHaveLength(1);
});

test('an object that appears ends the wait for it at once, whatever the back-off', async () => {
  // No time passes here, so that no back-off can end.
  node[Symbol.dispose]();
  node = await new FakeNode(world, new ManualClock(Date.now())).start();
  const volumes = [{ name: 'config', configMap: { name: 'late', defaultMode: 0o644 } }];
  const mounts = { volumeMounts: [{ name: 'config', mountPath: '/config' }] };
  node.setPod(fakePod('web', { volumes, containers: [container('a', mounts)] }));
  const wait = () => node.workers.get('uid-web')?.last?.decision.reasons.find((r) => r.code === 'VolumeFailed');
  await until(() => wait() !== undefined);
  node.setObject('ConfigMap default/late', { metadata: { resourceVersion: '1' }, data: { key: 'value' } });
  await until(() => node.workers.get('uid-web')?.facts.volumePath('config') !== undefined);
});

test('an eviction survives a kill between the stop and its status', async () => {
  node.setPod(fakePod('web'));
  await until(() => isReady('uid-web'));
  node.beforeEffect = (_, action) => {
    if (action.kind === 'stopContainer') node.crash();
  };
  node.workers
    .get('uid-web')!
    .terminate({ cause: 'evicted', graceSeconds: 1, reason: 'Evicted', message: 'low on memory' });
  await until(
    () => world.cri.callsTo('StopContainer').length > 0 || node.actions.some((a) => a.action.kind === 'stopContainer'),
  );
  node = await new FakeNode(world).start();
  await until(() => node.status('uid-web')?.phase === 'Failed');
  expect(node.status('uid-web')).toMatchObject({ reason: 'Evicted', message: 'low on memory' });
});

test('environment variables reach the runtime in the order of their declaration', async () => {
  const names = ['Z', 'A', 'M', 'B', 'Y'];
  const env = names.map((name) => ({ name, value: name.toLowerCase() }));
  node.setPod(fakePod('web', { containers: [container('a', { env })] }));
  await until(() => isReady('uid-web'));
  const [call] = world.cri.callsTo('CreateContainer');
  const { config } = call!.request as { config: { envs: { key: string }[] } };
  expect(config.envs.map(({ key }) => key)).toEqual(names);
});

test('a sandbox that was made and could not be read is read again, not made again', async () => {
  world.cri.faults.inject('PodSandboxStatus', { kind: 'fail', code: 13, message: 'no status' });
  node.setPod(fakePod('web'));
  await until(() => isReady('uid-web'));
  expect(world.cri.callsTo('RunPodSandbox')).toHaveLength(1);
});

test('a static Pod that is removed and comes back at once goes on with its restart count', async () => {
  const pod = fakePod('fixed', { terminationGracePeriodSeconds: 1 });
  node.workers.set(pod, 'file');
  await until(() => isReady('uid-fixed'));
  const first = node.workers.get('uid-fixed');
  node.workers.remove(pod);
  node.workers.set(pod, 'file');
  await until(() => node.workers.get('uid-fixed') !== first && isReady('uid-fixed'));
  expect(node.status('uid-fixed')?.containerStatuses?.[0]?.restartCount).toBe(1);
});

test.each(['Always', 'Never'])(
  'a static Pod (%s) whose manifest comes back while it is being ended as an orphan runs again',
  async (policy) => {
    const pod = fakePod('fixed', { terminationGracePeriodSeconds: 1, restartPolicy: policy });
    node.workers.set(pod, 'file');
    await until(() => isReady('uid-fixed'));
    node[Symbol.dispose]();
    node = await new FakeNode(world).start();
    node.workers.sourcesSynced();
    await until(() => node.workers.get('uid-fixed')?.memory.termination?.cause === 'orphaned');
    const orphan = node.workers.get('uid-fixed');
    node.workers.set(pod, 'file');
    await until(() => node.workers.get('uid-fixed') !== orphan && isReady('uid-fixed'));
    expect(world.cri.containersNamed('main').filter((c) => c.state === 'CONTAINER_RUNNING')).toHaveLength(1);
  },
);
