import { status } from '@grpc/grpc-js';
import { until } from '../lib/fake/until.ts';
import type { CallRecord } from '../rpc/connectionOptions.ts';
import { connectCri } from './client.ts';
import { CriError, isNotFound } from './error.ts';
import { containerConfig, sandboxConfig } from './fake/configs.ts';
import type { FakeCri } from './fake/fakeCri.ts';
import { startFakeCri } from './fake/fakeCri.ts';
import { operationName } from './operations.ts';

async function failure(promise: Promise<unknown>): Promise<CriError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof CriError)) throw new Error(`expected a CriError, got ${String(outcome)}`);
  return outcome;
}

async function runningContainer(fake: FakeCri, cri: ReturnType<typeof connectCri>) {
  fake.images.add('pause:1');
  const pod = sandboxConfig({ uid: 'u1', name: 'p1' });
  const sandboxId = await cri.runPodSandbox(pod, '');
  const containerId = await cri.createContainer(
    sandboxId,
    containerConfig(pod, { name: 'web', image: 'pause:1' }),
    pod,
  );
  await cri.startContainer(containerId);
  return { pod, sandboxId, containerId };
}

test('a Pod goes through its life', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  const { sandboxId, containerId } = await runningContainer(fake, cri);
  const { status: sandbox } = await cri.podSandboxStatus(sandboxId);
  expect(sandbox).toMatchObject({ state: 'SANDBOX_READY', metadata: { uid: 'u1', name: 'p1' } });
  expect(sandbox?.network?.ip).toMatch(/^10\.244\./);
  const { status: running } = await cri.containerStatus(containerId);
  expect(running).toMatchObject({ state: 'CONTAINER_RUNNING', metadata: { name: 'web' }, exitCode: 0 });
  expect(BigInt(running?.startedAt ?? 0) > BigInt(Number.MAX_SAFE_INTEGER)).toBe(true);
  await cri.stopContainer(containerId, 30);
  const [listed] = await cri.listContainers({ labelSelector: { 'io.kubernetes.pod.uid': 'u1' } });
  expect(listed).toMatchObject({ id: containerId, state: 'CONTAINER_EXITED', podSandboxId: sandboxId });
  expect(await cri.listContainers({ labelSelector: { 'io.kubernetes.pod.uid': 'other' } })).toEqual([]);
  expect((await cri.containerStatus(containerId)).status).toMatchObject({ exitCode: 143, reason: 'Error' });
  await cri.stopPodSandbox(sandboxId);
  expect(await cri.listPodSandbox({ state: { state: 'SANDBOX_READY' } })).toEqual([]);
  await cri.removeContainer(containerId);
  await cri.removePodSandbox(sandboxId);
  expect(await cri.listPodSandbox()).toEqual([]);
  expect(isNotFound(await failure(cri.podSandboxStatus(sandboxId)))).toBe(true);
});

test('the runtime, images, stats and exec answer', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  expect(await cri.version()).toMatchObject({ version: '0.1.0', runtimeName: 'fake' });
  fake.node.conditions.set('NetworkReady', { status: false, reason: 'NetworkPluginNotReady', message: 'no CNI' });
  const { status: state } = await cri.status();
  expect(state?.conditions).toContainEqual({
    type: 'NetworkReady',
    status: false,
    reason: 'NetworkPluginNotReady',
    message: 'no CNI',
  });
  expect((await cri.runtimeConfig()).linux?.cgroupDriver).toBe('CGROUPFS');
  await cri.updateRuntimeConfig({ networkConfig: { podCidr: '10.1.0.0/24' } });
  expect(fake.node.received).toEqual({ networkConfig: { podCidr: '10.1.0.0/24' } });

  expect((await cri.imageStatus({ image: 'app:1' })).image).toBeNull();
  const ref = await cri.pullImage({ image: 'app:1' }, { username: 'u', password: 'p' }, undefined);
  expect((await cri.imageStatus({ image: 'app:1' })).image?.id).toBe(ref);
  expect((await cri.listImages()).map((i) => i.repoTags)).toEqual([['app:1']]);
  expect((await cri.imageFsInfo()).imageFilesystems[0]?.usedBytes?.value).toBe('1000000');
  await cri.removeImage({ image: 'app:1' });
  expect(await cri.listImages()).toEqual([]);

  const { containerId, sandboxId } = await runningContainer(fake, cri);
  fake.onExec = (cmd) => ({ exitCode: cmd[0] === 'false' ? 1 : 0, stdout: cmd.join(' ') });
  expect(await cri.execSync(containerId, ['false'], 1)).toMatchObject({ exitCode: 1, stdout: Buffer.from('false') });
  expect(await cri.exec({ containerId, cmd: ['sh'] })).toMatch(/^http:/);
  expect(await cri.attach({ containerId })).toMatch(/^http:/);
  expect(await cri.portForward(sandboxId, [80])).toMatch(/^http:/);
  expect((await cri.listContainerStats())[0]?.attributes?.id).toBe(containerId);
  expect((await cri.containerStats(containerId))?.cpu?.usageCoreNanoSeconds?.value).toBe('5000000');
  expect((await cri.listPodSandboxStats())[0]?.linux?.containers).toHaveLength(1);
  await cri.updateContainerResources({ containerId, linux: { cpuShares: 512 } });
  expect((await cri.containerStatus(containerId)).status?.resources?.linux?.cpuShares).toBe('512');
  expect((await failure(cri.streamContainers())).grpcCodeName).toBe('Unimplemented');
});

test('pull progress comes from the content service', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  fake.images.onPull('big:1', { delayMs: 60_000, sizeBytes: 5000 });
  const abort = new AbortController();
  const pull = failure(cri.pullImage({ image: 'big:1' }, undefined, undefined, { signal: abort.signal }));
  await until(async () => (await cri.listPullProgress()).length === 1);
  expect((await cri.listPullProgress())[0]).toMatchObject({ ref: 'layer-big:1', total: 5000 });
  abort.abort();
  expect(await pull).toMatchObject({ grpcCodeName: 'Canceled', settled: false });
  await until(async () => (await cri.listPullProgress()).length === 0);
});

test.each([
  ['an error of the runtime', { kind: 'fail', code: status.UNKNOWN, message: 'no cgroup' }, 'Unknown', true],
  ['not found', { kind: 'fail', code: status.NOT_FOUND, message: 'gone' }, 'NotFound', true],
  ['an unavailable server', { kind: 'unobserved' }, 'Unavailable', false],
  ['a deadline', { kind: 'hang' }, 'DeadlineExceeded', false],
  ['a broken connection', { kind: 'drop' }, 'Unavailable', false],
] as const)('%s is a CriError', async (_, fault, grpcCodeName, settled) => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint, requestTimeoutMs: fault.kind === 'hang' ? 200 : 30_000 });
  fake.faults.inject('RemoveContainer', fault);
  const error = await failure(cri.removeContainer('c1'));
  expect(error).toMatchObject({ method: 'RemoveContainer', grpcCodeName, settled });
  if ('message' in fault) expect(error.message).toBe(fault.message);
});

test('an unobserved call was carried out', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  for (const [attempt, kind] of (['unobserved', 'drop'] as const).entries()) {
    fake.faults.inject('RunPodSandbox', { kind });
    const config = sandboxConfig({ uid: 'u', name: 'p', attempt });
    expect((await failure(cri.runPodSandbox(config, ''))).settled).toBe(false);
    expect(fake.sandboxesOf('u')).toHaveLength(attempt + 1);
  }
});

test('aborting before a call is sent sends nothing', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  expect((await failure(cri.version({ signal: AbortSignal.abort() }))).grpcCodeName).toBe('Canceled');
  expect(fake.calls).toEqual([]);
});

test('each call is reported once, with its time', async () => {
  await using fake = await startFakeCri();
  const records: CallRecord[] = [];
  using cri = connectCri({ runtimeEndpoint: fake.endpoint, onCall: (r) => records.push(r) });
  await cri.version();
  await failure(cri.startContainer('missing'));
  expect(records.map((r) => [r.method, r.error?.grpcCodeName])).toEqual([
    ['Version', undefined],
    ['StartContainer', 'NotFound'],
  ]);
  for (const r of records) expect(r.endMono).toBeGreaterThan(r.startMono);
});

test('deadlines follow the call', async () => {
  await using fake = await startFakeCri();
  using setUp = connectCri({ runtimeEndpoint: fake.endpoint });
  const { containerId, sandboxId, pod } = await runningContainer(fake, setUp);
  const other = await setUp.createContainer(sandboxId, containerConfig(pod, { name: 'b', image: 'pause:1' }), pod);
  await setUp.startContainer(other);
  const usual = 1_000_000;
  using cri = connectCri({ runtimeEndpoint: fake.endpoint, requestTimeoutMs: usual });
  const given = (method: string) => fake.callsTo(method).at(-1)!.timeoutMs;
  // What is left when a call arrives: connecting took its part of it, but no minutes.
  const expectAbout = (ms: number, expected: number) => {
    expect(ms).toBeLessThanOrEqual(expected + 1000); // a clock that is set by NTP, and the rounding of gRPC
    expect(ms).toBeGreaterThan(expected - 120_000);
  };
  await cri.version();
  expectAbout(given('Version'), usual);
  await cri.version({ timeoutMs: 5 * usual });
  expectAbout(given('Version'), 5 * usual);
  await cri.runPodSandbox(sandboxConfig({ uid: 'u2', name: 'p2' }), '');
  expectAbout(given('RunPodSandbox'), 2 * usual);
  // StopContainer may take the grace period on top; PullImage and ExecSync without a timeout have no deadline.
  await cri.stopContainer(containerId, 600);
  expectAbout(given('StopContainer'), usual + 600_000);
  await cri.pullImage({ image: 'x' }, undefined, undefined);
  expect(given('PullImage')).toBe(Number.POSITIVE_INFINITY);
  await cri.execSync(other, ['true'], 600);
  expect(given('ExecSync')).toBeGreaterThan(600_000);
  await cri.execSync(other, ['true'], 0);
  expect(given('ExecSync')).toBe(Number.POSITIVE_INFINITY);
});

test('images may live at another endpoint', async () => {
  await using runtime = await startFakeCri();
  await using images = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: runtime.endpoint, imageEndpoint: images.endpoint });
  await cri.pullImage({ image: 'a' }, undefined, undefined);
  expect(images.images.has('a')).toBe(true);
  expect(runtime.calls).toEqual([]);
});

test('a socket that vanished and came back serves again', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  await cri.version();
  await fake.down();
  // Long enough for the back-off to reach its cap.
  const end = performance.now() + 1800;
  await until(async () => {
    expect((await failure(cri.version())).settled).toBe(false);
    return performance.now() > end;
  });
  await fake.up();
  const back = performance.now();
  await until(() =>
    cri.version().then(
      () => true,
      () => false,
    ),
  );
  expect(performance.now() - back).toBeLessThan(10_000);
});

test('a large list fits', async () => {
  await using fake = await startFakeCri();
  using cri = connectCri({ runtimeEndpoint: fake.endpoint });
  const note = { note: 'x'.repeat(50_000) };
  for (let i = 0; i < 120; i++) {
    await cri.runPodSandbox({ ...sandboxConfig({ uid: `u${i}`, name: `p${i}` }), annotations: note }, '');
  }
  expect(await cri.listPodSandbox()).toHaveLength(120);
});

test('a closed client refuses calls', async () => {
  await using fake = await startFakeCri();
  const cri = connectCri({ runtimeEndpoint: fake.endpoint });
  fake.faults.inject('Version', { kind: 'hang' });
  const pending = failure(cri.version());
  await until(() => fake.callsTo('Version').length === 1);
  cri[Symbol.dispose]();
  expect((await pending).settled).toBe(false);
  expect((await failure(cri.version())).message).toBe('the connection to the runtime is closed');
});

test.each([
  ['RunPodSandbox', 'run_podsandbox'],
  ['PodSandboxStatus', 'podsandbox_status'],
  ['ListContainers', 'list_containers'],
  ['UpdateContainerResources', 'update_container'],
  ['ExecSync', 'exec_sync'],
  ['ImageFsInfo', 'image_fs_info'],
  ['ListPodSandboxMetrics', 'list_podsandbox_metrics'],
  ['Version', 'version'],
])('operation name of %s', (method, name) => expect(operationName(method)).toBe(name));
