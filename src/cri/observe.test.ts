import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { until } from '../lib/fake/until.ts';
import { connectCri } from './client.ts';
import { containerConfig, sandboxConfig } from './fake/configs.ts';
import type { FakeCri } from './fake/fakeCri.ts';
import { startFakeCri } from './fake/fakeCri.ts';
import type { ContainerConfig } from './generated/runtime.ts';
import { createObserver } from './observe.ts';

async function setUp(writeLogs = false) {
  const stack = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'observe-'));
  stack.defer(() => rmSync(directory, { recursive: true }));
  const fake = stack.use(await startFakeCri({ writeLogs }));
  const cri = stack.use(connectCri({ runtimeEndpoint: fake.endpoint }));
  fake.images.add('app:1');
  const pod = {
    ...sandboxConfig({ uid: 'u1', name: 'web', namespace: 'shop' }),
    logDirectory: join(directory, 'logs'),
  };
  const observer = createObserver(cri);
  const start = async (sandboxId: string, name: string, more: Partial<ContainerConfig> & { attempt?: number } = {}) => {
    const { image: _, ...rest } = more;
    const id = await cri.createContainer(sandboxId, containerConfig(pod, { name, image: 'app:1', ...rest }), pod);
    await cri.startContainer(id);
    return id;
  };
  return { stack, directory, fake, cri, pod, observer, start };
}

/** The methods called since `from`, sorted. */
const since = (fake: FakeCri, from: number) =>
  fake.calls
    .slice(from)
    .map((c) => c.method)
    .sort();

test('a Pod the runtime does not know is empty', async () => {
  const { stack, observer } = await setUp();
  await using _ = stack;
  expect(await observer.observePod('nobody')).toEqual({
    uid: 'nobody',
    name: '',
    namespace: '',
    seq: 1,
    sandboxes: [],
    containers: [],
  });
});

test('a running Pod costs two lists once its details are known', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(pod, 'handler');
  const annotations = {
    'io.kubernetes.container.hash': 'abc',
    'io.kubernetes.container.restartCount': '3',
    'example.com/secret': 'x',
  };
  const linux = {
    resources: { cpuShares: 512, memoryLimitInBytes: 1 << 20 },
    securityContext: { runAsUser: { value: 7 } },
  };
  const id = await start(sandboxId, 'web', { annotations, linux, attempt: 2 });
  const first = await observer.observePod('u1');
  expect(first).toMatchObject({ uid: 'u1', name: 'web', namespace: 'shop', seq: 1 });
  expect(first.sandboxes).toMatchObject([
    { id: sandboxId, attempt: 0, ready: true, hostNetwork: false, runtimeHandler: 'handler' },
  ]);
  expect(first.sandboxes[0]?.ips).toEqual([fake.sandboxesOf('u1')[0]?.ip]);
  expect(first.containers).toMatchObject([
    {
      id,
      sandboxId,
      name: 'web',
      attempt: 2,
      restartCount: 3,
      state: 'running',
      hash: 'abc',
      image: 'app:1',
      exitCode: 0,
      terminationMessage: '',
      user: { uid: 7, gid: 0, supplementalGroups: [] },
      resources: { cpuShares: 512, memoryLimitBytes: 1 << 20 },
    },
  ]);
  expect(first.containers[0]?.annotations).toEqual({
    'io.kubernetes.container.hash': 'abc',
    'io.kubernetes.container.restartCount': '3',
  });
  const started = first.containers[0]?.startedAt ?? 0;
  expect(Math.abs(started - Date.now())).toBeLessThan(60_000); // the unit: CRI has nanoseconds
  expect(JSON.parse(JSON.stringify(first))).toEqual(first);

  const from = fake.calls.length;
  expect(await observer.observePod('u1')).toEqual({ ...first, seq: 2 });
  expect(since(fake, from)).toEqual(['ListContainers', 'ListPodSandbox']);

  await cri.updateContainerResources({ containerId: id, linux: { cpuShares: 1024 } });
  observer.invalidate(id);
  expect((await observer.observePod('u1')).containers[0]?.resources?.cpuShares).toBe(1024);
});

test('exits are read once; a dead sandbox keeps its history without an address', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(pod, '');
  const id = await start(sandboxId, 'web');
  await observer.observePod('u1');
  fake.exitContainer(id, 3, 'OOMKilled');
  const from = fake.calls.length;
  expect((await observer.observePod('u1')).containers[0]).toMatchObject({
    state: 'exited',
    exitCode: 3,
    reason: 'OOMKilled',
  });
  expect(since(fake, from)).toEqual(['ContainerStatus', 'ListContainers', 'ListPodSandbox']);
  fake.killSandbox(sandboxId);
  const next = await cri.runPodSandbox({ ...pod, metadata: { ...pod.metadata, attempt: 1 } }, '');
  const again = await start(next, 'web', { attempt: 1 });
  const seen = await observer.observePod('u1');
  expect(seen.sandboxes.map((s) => [s.id, s.ready, s.ips.length])).toEqual([
    [next, true, 1],
    [sandboxId, false, 0],
  ]);
  expect(seen.containers.map((c) => [c.id, c.state])).toEqual([
    [again, 'running'],
    [id, 'exited'],
  ]);
  const last = fake.calls.length;
  await observer.observePod('u1');
  expect(since(fake, last)).toEqual(['ListContainers', 'ListPodSandbox']);
});

test('a created container needs no status call', async () => {
  const { stack, fake, cri, pod, observer } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(pod, '');
  await cri.createContainer(sandboxId, containerConfig(pod, { name: 'web', image: 'app:1' }), pod);
  expect((await observer.observePod('u1')).containers).toMatchObject([{ name: 'web', state: 'created', startedAt: 0 }]);
  expect(fake.callsTo('ContainerStatus')).toEqual([]);
});

test('a host-network sandbox is known after one status call', async () => {
  const { stack, fake, cri, pod, observer } = await setUp();
  await using _ = stack;
  await cri.runPodSandbox({ ...pod, linux: { securityContext: { namespaceOptions: { network: 'NODE' } } } }, '');
  for (let i = 0; i < 2; i++) {
    expect((await observer.observePod('u1')).sandboxes).toMatchObject([{ hostNetwork: true, ips: [] }]);
  }
  expect(fake.callsTo('PodSandboxStatus')).toHaveLength(1);
});

test('what vanishes between list and status is read again, with a new number', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(pod, '');
  const id = await start(sandboxId, 'web');
  const hang = fake.faults.inject('ContainerStatus', { kind: 'hang' });
  const reading = observer.observePod('u1');
  await until(() => hang.hits === 1);
  await cri.removeContainer(id);
  hang.release();
  expect(await reading).toMatchObject({ seq: 2, containers: [] });
});

test('re-reading is bounded, and other errors come through at once', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  await start(await cri.runPodSandbox(pod, ''), 'web');
  using gone = fake.faults.inject('ContainerStatus', { kind: 'fail', code: status.NOT_FOUND }, Infinity);
  await expect(observer.observePod('u1')).rejects.toMatchObject({ grpcCodeName: 'NotFound' });
  expect(gone.hits).toBe(4);
  using broken = fake.faults.inject('ListContainers', { kind: 'fail', code: status.UNKNOWN, message: 'bolt' });
  await expect(observer.observePod('u1')).rejects.toMatchObject({ message: 'bolt' });
  expect(broken.hits).toBe(1);
});

test('a read in flight cannot put invalidated details back', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(pod, '');
  const resources = { linux: { resources: { cpuShares: 100 } } };
  const ids = [await start(sandboxId, 'web', resources), await start(sandboxId, 'db', resources)];
  // One of the two statuses is answered with what is so now; the read waits for the other.
  const hang = fake.faults.inject('ContainerStatus', { kind: 'hang' });
  const old = observer.observePod('u1');
  await until(() => hang.hits === 1 && fake.callsTo('ContainerStatus').length === 2);
  await cri.version();
  for (const containerId of ids) {
    await cri.updateContainerResources({ containerId, linux: { cpuShares: 200 } });
    observer.invalidate(containerId);
  }
  const settled = observer.lastSeq();
  hang.release();
  expect((await old).seq).toBeLessThanOrEqual(settled);
  const fresh = await observer.observePod('u1');
  expect(fresh.seq).toBeGreaterThan(settled);
  expect(fresh.containers.map((c) => c.resources?.cpuShares)).toEqual([200, 200]);
});

test('a list that is older than an exit does not bring the container back to life', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  const id = await start(await cri.runPodSandbox(pod, ''), 'web');
  await observer.observePod('u1');
  const listed = await cri.listContainers({ labelSelector: {} } as never);
  await cri.stopContainer(id, 0);
  expect((await observer.observePod('u1')).containers[0]?.state).toBe('exited');
  const asked = fake.callsTo('ContainerStatus').length;
  // A reader that is told by a list of before.
  let isLate = false;
  const late = new Proxy(cri, {
    get: (target, key) => {
      if (key === 'listContainers' && isLate) return async () => listed;
      const member: unknown = Reflect.get(target, key);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const stale = createObserver(late);
  await stale.observePod('u1');
  isLate = true;
  expect((await stale.observePod('u1')).containers[0]?.state).toBe('exited');
  expect(fake.callsTo('ContainerStatus').length).toBe(asked + 1);
});

test('the full list is two calls, grouped by Pod', async () => {
  const { stack, fake, cri, pod, observer, start } = await setUp();
  await using _ = stack;
  const sandboxId = await cri.runPodSandbox(pod, '');
  const id = await start(sandboxId, 'web');
  const other = await cri.runPodSandbox(sandboxConfig({ uid: 'u2', name: 'b' }), '');
  await cri.runPodSandbox({ metadata: { uid: 'foreign', name: 'f', namespace: 'n' } }, '');
  const from = fake.calls.length;
  const all = await observer.observeAll();
  expect(since(fake, from)).toEqual(['ListContainers', 'ListPodSandbox']);
  expect(all).toMatchObject([
    { uid: 'u1', name: 'web', namespace: 'shop', seq: 1, sandboxes: [{ id: sandboxId }], containers: [{ id }] },
    { uid: 'u2', name: 'b', namespace: 'default', seq: 1, sandboxes: [{ id: other }], containers: [] },
  ]);
  expect(all).toHaveLength(2);
});

const PATH = 'io.kubernetes.container.terminationMessagePath';
const POLICY = 'io.kubernetes.container.terminationMessagePolicy';

test.each([
  ['the file, if written', 'FallbackToLogsOnError', 'written', 1, 'written'],
  ['nothing, if not written', 'File', undefined, 1, ''],
  ['the log after an error', 'FallbackToLogsOnError', undefined, 1, 'one\ntwo\noops\n'],
  ['nothing after a success', 'FallbackToLogsOnError', undefined, 0, ''],
])('the termination message is %s', async (_, policy, written, exitCode, expected) => {
  const { stack, directory, fake, cri, pod, observer, start } = await setUp(true);
  await using _stack = stack;
  mkdirSync(join(directory, 'logs/web'), { recursive: true });
  writeFileSync(join(directory, 'message'), '');
  const output = { stdout: ['one', 'two'], stderr: ['oops'], exitCode, runMs: 0 };
  fake.scripts.forContainer('web', { ...output, ...(written !== undefined && { terminationMessage: written }) });
  await start(await cri.runPodSandbox(pod, ''), 'web', {
    annotations: { [PATH]: '/dev/termination-log', [POLICY]: policy },
    mounts: [{ containerPath: '/dev/termination-log', hostPath: join(directory, 'message') }],
    logPath: 'web/0.log',
  });
  await until(() => fake.containersNamed('web')[0]?.state === 'CONTAINER_EXITED');
  const [seen] = (await observer.observePod('u1')).containers;
  expect(seen).toMatchObject({ exitCode, terminationMessage: expected, logPath: join(directory, 'logs/web/0.log') });
});
