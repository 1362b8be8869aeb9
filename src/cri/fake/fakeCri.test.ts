import { existsSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { failure, until } from '../../lib/fake/until.ts';
import type { Cri } from '../client.ts';
import { connectCri } from '../client.ts';
import { containerConfig, sandboxConfig } from './configs.ts';
import type { FakeCri } from './fakeCri.ts';
import { startFakeCri } from './fakeCri.ts';

const pod = sandboxConfig({ uid: 'u', name: 'p' });

async function setUp() {
  const stack = new AsyncDisposableStack();
  const clock = new ManualClock();
  const fake = stack.use(await startFakeCri({ clock }));
  const cri = stack.use(connectCri({ runtimeEndpoint: fake.endpoint }));
  fake.images.add('app');
  const sandboxId = await cri.runPodSandbox(pod, '');
  return { stack, clock, fake, cri, sandboxId };
}

async function start(cri: Cri, sandboxId: string, name: string, command: string[] = []): Promise<string> {
  const id = await cri.createContainer(sandboxId, containerConfig(pod, { name, image: 'app', command }), pod);
  await cri.startContainer(id);
  return id;
}

const state = (fake: FakeCri, id: string) => {
  const { state: s, exitCode, reason, signals } = fake.world.container(id);
  return [s.replace('CONTAINER_', ''), exitCode, reason, signals.join(' ')];
};

test('scripts decide how containers end', async () => {
  const { stack, clock, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  fake.scripts.forContainer('job', { runMs: 1000, exitCode: 3 });
  fake.scripts.forCommand(['sleep', '5'], { runMs: 5000 });
  const job = await start(cri, sandboxId, 'job');
  const sleeper = await start(cri, sandboxId, 'sleeper', ['sleep', '5']);
  const server = await start(cri, sandboxId, 'server', ['serve']);
  clock.advance(999);
  expect(state(fake, job)).toEqual(['RUNNING', 0, '', '']);
  clock.advance(1);
  expect(state(fake, job)).toEqual(['EXITED', 3, 'Error', '']);
  clock.advance(10_000);
  expect(state(fake, sleeper)).toEqual(['EXITED', 0, 'Completed', '']);
  expect(state(fake, server)).toEqual(['RUNNING', 0, '', '']);
});

test('stopping sends SIGTERM, then SIGKILL after the grace period', async () => {
  const { stack, clock, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  fake.scripts.forContainer('stubborn', { ignoreSigterm: true });
  fake.scripts.forContainer('slow', { sigtermMs: 400, sigtermExitCode: 0 });
  const stubborn = await start(cri, sandboxId, 'stubborn');
  const slow = await start(cri, sandboxId, 'slow');
  const stops = [cri.stopContainer(stubborn, 2), cri.stopContainer(slow, 2)];
  await until(() => fake.callsTo('StopContainer').length === 2);
  clock.advance(400);
  await stops[1];
  expect(state(fake, slow)).toEqual(['EXITED', 0, 'Completed', 'SIGTERM']);
  clock.advance(1599);
  expect(state(fake, stubborn)).toEqual(['RUNNING', 0, '', 'SIGTERM']);
  clock.advance(1);
  await stops[0];
  expect(state(fake, stubborn)).toEqual(['EXITED', 137, 'Error', 'SIGTERM SIGKILL']);
  await cri.stopContainer(stubborn, 2); // once more is no error
  await cri.stopContainer('unknown', 2);
});

test('a cancelled stop takes its SIGKILL with it; a new one may be shorter', async () => {
  const { stack, clock, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  fake.scripts.forContainer('stubborn', { ignoreSigterm: true });
  const id = await start(cri, sandboxId, 'stubborn');
  const abort = new AbortController();
  const first = cri.stopContainer(id, 5, { signal: abort.signal });
  await until(() => fake.world.container(id).signals.length === 1);
  abort.abort();
  await expect(first).rejects.toMatchObject({ settled: false });
  await until(() => clock.pending === 0);
  const second = cri.stopContainer(id, 1);
  await until(() => fake.world.container(id).signals.length === 2);
  clock.advance(1000);
  await second;
  expect(state(fake, id)[1]).toBe(137);
});

test('a container that cannot start is exited', async () => {
  const { stack, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  fake.scripts.forContainer('bad', { startError: 'exec: "nope": executable file not found in $PATH' });
  await expect(start(cri, sandboxId, 'bad')).rejects.toMatchObject({ grpcCodeName: 'Unknown', settled: true });
  expect(state(fake, fake.containersNamed('bad')[0]?.id ?? '')).toEqual(['EXITED', 128, 'StartError', '']);
});

test('what a real runtime refuses is refused', async () => {
  const { stack, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  const id = await start(cri, sandboxId, 'web');
  await expect(start(cri, sandboxId, 'web')).rejects.toThrow('failed to reserve container name "web_0"');
  await expect(cri.runPodSandbox(pod, '')).rejects.toThrow('failed to reserve sandbox name');
  await expect(cri.startContainer(id)).rejects.toThrow('it can only be started once');
  const missing = containerConfig(pod, { name: 'other', image: 'missing' });
  await expect(cri.createContainer(sandboxId, missing, pod)).rejects.toMatchObject({ grpcCodeName: 'NotFound' });
  fake.killSandbox(sandboxId);
  await expect(start(cri, sandboxId, 'late')).rejects.toThrow('is not running');
  await expect(cri.execSync(id, ['true'], 1)).rejects.toThrow('CONTAINER_EXITED');
});

test('pulls take time or fail as scripted', async () => {
  const { stack, clock, fake, cri } = await setUp();
  await using _ = stack;
  fake.images.onPull('slow', { delayMs: 500, sizeBytes: 1000, uid: 7 });
  fake.images.onPull('denied', { error: { code: status.PERMISSION_DENIED, message: 'no' } });
  const pull = cri.pullImage({ image: 'slow' }, undefined, undefined);
  await until(() => clock.pending === 1);
  clock.advance(250);
  expect(await cri.listPullProgress()).toEqual([{ ref: 'layer-slow', offset: 500, total: 1000 }]);
  clock.advance(250);
  expect(fake.images.find(await pull)?.uid).toBe(7);
  await expect(cri.pullImage({ image: 'denied' }, undefined, undefined)).rejects.toMatchObject({
    grpcCodeName: 'PermissionDenied',
    message: 'no',
  });
});

test('exec times out in the runtime', async () => {
  const { stack, clock, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  const id = await start(cri, sandboxId, 'web');
  fake.onExec = () => ({ delayMs: 3000 });
  const exec = cri.execSync(id, ['slow'], 1);
  await until(() => clock.pending === 1);
  clock.advance(1000);
  await expect(exec).rejects.toMatchObject({ grpcCodeName: 'DeadlineExceeded' });
});

test('faults hit the chosen calls only', async () => {
  const { stack, fake, cri, sandboxId } = await setUp();
  await using _ = stack;
  const onlyB = (request: object) => (request as { containerId: string }).containerId === 'b';
  const fault = fake.faults.inject('RemoveContainer', { kind: 'fail', code: status.INTERNAL }, 1, onlyB);
  await cri.removeContainer('a');
  await expect(cri.removeContainer('b')).rejects.toMatchObject({ grpcCodeName: 'Internal', settled: true });
  await cri.removeContainer('b');
  expect(fault.hits).toBe(1);
  expect(fake.callsTo('RemoveContainer').map((c) => c.outcome)).toEqual(['ok', 'error', 'ok']);

  const id = await start(cri, sandboxId, 'web');
  using hang = fake.faults.inject('StopContainer', { kind: 'hang' });
  const abort = new AbortController();
  const stop = failure(cri.stopContainer(id, 1, { signal: abort.signal }));
  await until(() => hang.hits === 1);
  abort.abort();
  expect(await stop).toMatchObject({ grpcCodeName: 'Canceled', settled: false });
  expect(fake.callsTo('StopContainer').map((c) => c.outcome)).toEqual([undefined]);
  expect(state(fake, id)[0]).toBe('RUNNING');

  using any = fake.faults.inject('*', { kind: 'fail', code: status.UNAVAILABLE }, 2);
  await expect(cri.version()).rejects.toMatchObject({ settled: false });
  await expect(cri.status()).rejects.toMatchObject({ settled: false });
  await cri.version();
  expect(any.hits).toBe(2);
});

test('a hung call is carried out once released, though nobody waits', async () => {
  const { stack, fake, cri } = await setUp();
  await using _ = stack;
  const hang = fake.faults.inject('RunPodSandbox', { kind: 'hang' });
  const late = sandboxConfig({ uid: 'late', name: 'late' });
  const abort = new AbortController();
  const call = failure(cri.runPodSandbox(late, '', { signal: abort.signal }));
  await until(() => hang.hits === 1);
  abort.abort();
  expect(await call).toMatchObject({ grpcCodeName: 'Canceled', settled: false });
  expect(fake.sandboxesOf('late')).toHaveLength(0);
  hang.release();
  await until(() => fake.sandboxesOf('late').length === 1);
});

test('a restart keeps containers; the end leaves nothing', async () => {
  const { stack, clock, fake, cri, sandboxId } = await setUp();
  fake.scripts.forContainer('job', { runMs: 60_000 });
  const id = await start(cri, sandboxId, 'job');
  await fake.restart();
  let listed: string[] | undefined;
  await until(async () => {
    listed = await cri.listContainers().then(
      (all) => all.map((c) => c.id),
      () => undefined,
    );
    return listed !== undefined;
  });
  expect(listed).toEqual([id]);
  await stack.disposeAsync();
  expect(clock.pending).toBe(0);
  expect(existsSync(fake.socketPath)).toBe(false);
});
