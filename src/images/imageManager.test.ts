import { CriError } from '../cri/error.ts';
import type { AuthConfig, ImageOut } from '../cri/generated/runtime.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { ImageManager } from './imageManager.ts';
import type { ImageService } from './imagePuller.ts';
import type { ImageRequest } from './imageRequest.ts';
import type { NodeAuths } from './nodeAuths.ts';
import { ImageAccess } from './records/imageAccess.ts';
import { PullRecords } from './records/pullRecords.ts';
import { verificationOf } from './rules/imageAccess.ts';
import { CrashingFiles } from './testing/crashingFiles.ts';
import type { RegistryLogin } from './types.ts';

interface Pull {
  image: string;
  auth: AuthConfig | undefined;
  signal: AbortSignal | undefined;
  succeed(): void;
  fail(error: Error): void;
}

/** A runtime whose pulls end when the test says so. */
class Runtime implements ImageService {
  readonly pulls: Pull[] = [];
  readonly images = new Map<string, ImageOut>();
  statusError: Error | undefined;
  statusCalls = 0;
  /** How many of the next questions fail, those after a pull included. */
  statusFailures = 0;
  /** Whether a pull ends at once when it is cancelled. */
  endsOnCancel = true;

  async imageStatus(spec: { image?: string }): Promise<{ image: ImageOut | null }> {
    this.statusCalls++;
    if (this.statusError) throw this.statusError;
    if (this.statusFailures-- > 0) throw new CriError('ImageStatus', { code: 13, details: 'no answer' });
    return { image: this.images.get(spec.image!) ?? null };
  }

  pullImage(
    spec: { image?: string },
    auth: AuthConfig | undefined,
    _sandbox: unknown,
    options?: { signal?: AbortSignal },
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const image = spec.image!;
    const succeed = () => {
      this.add(image);
      resolve('sha256:id');
    };
    options?.signal?.addEventListener('abort', () => this.endsOnCancel && reject(new Error('cancelled')));
    this.pulls.push({ image, auth, signal: options?.signal, succeed, fail: reject });
    return promise;
  }

  readonly progressErrors: Error[] = [];
  progressLimits: (number | undefined)[] = [];

  async listPullProgress(options?: { timeoutMs?: number }) {
    this.progressLimits.push(options?.timeoutMs);
    const error = this.progressErrors.shift();
    if (error) throw error;
    return [
      { offset: 10, total: 100 },
      { offset: 5, total: 50 },
    ];
  }

  add(image: string): void {
    const base = { repoTags: [image], repoDigests: [], spec: null, pinned: false };
    this.images.set(image, { ...base, id: 'sha256:id', size: '4096', uid: { value: '1000' }, username: '' });
  }
}

function setUp(limits = { maxParallel: 2, qps: 0, burst: 1 }) {
  const clock = new ManualClock();
  const runtime = new Runtime();
  const manager = new ImageManager(runtime, clock, { limits });
  const events: string[] = [];
  const request = (podUid: string, image: string, more: Partial<ImageRequest> = {}) => ({
    podUid,
    image,
    policy: 'IfNotPresent' as const,
    onEvent: (event: { reason: string; message: string }) => events.push(`${event.reason}: ${event.message}`),
    ...more,
  });
  return { clock, runtime, manager, events, request };
}

/** Runs whatever waits for promises only. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

test('pulls an absent image and says who it runs as', async () => {
  const { clock, runtime, manager, events, request } = setUp();
  const outcome = manager.ensure(request('p1', 'busybox'));
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['busybox:latest']);
  expect(manager.fact('p1', 'busybox').pulling).toEqual({ sinceMono: 0 });
  clock.advance(1500);
  runtime.pulls[0]!.succeed();
  expect(await outcome).toEqual({ do: 'use', imageId: 'sha256:id', pulled: true, user: { uid: 1000 } });
  expect(events).toEqual([
    'Pulling: Pulling image "busybox"',
    'Pulled: Successfully pulled image "busybox" in 1.5s (1.5s including waiting). Image size: 4096 bytes.',
  ]);
  expect(JSON.parse(JSON.stringify(manager.facts('p1')))).toEqual(manager.facts('p1'));
});

test('a present image costs one question and no pull', async () => {
  const { runtime, manager, events, request } = setUp();
  runtime.add('busybox:1');
  expect(await manager.ensure(request('p1', 'busybox:1'))).toMatchObject({ do: 'use', pulled: false });
  expect([runtime.statusCalls, runtime.pulls.length]).toEqual([1, 0]);
  // Nobody asks who may use it here, as with KubeletEnsureSecretPulledImages off.
  expect(events).toEqual(['Pulled: Container image "busybox:1" already present on machine']);
});

test('two Pods share one pull; other credentials do not', async () => {
  const { runtime, manager, request } = setUp();
  const both = [manager.ensure(request('p1', 'a')), manager.ensure(request('p2', 'a'))];
  const other = manager.ensure(request('p3', 'a', { auths: [{ username: 'u', password: 'secret' }] }));
  await settle();
  expect(runtime.pulls.map(({ auth }) => auth?.username)).toEqual([undefined, 'u']);
  for (const pull of runtime.pulls) pull.succeed();
  for (const outcome of [...both, other]) expect(await outcome).toMatchObject({ do: 'use' });
});

test('keeps to the limit, first come first served, and shows the place in the queue', async () => {
  const { runtime, manager, request } = setUp({ maxParallel: 1, qps: 0, burst: 1 });
  const outcomes = ['a', 'b', 'c'].map((image) => manager.ensure(request(`pod-${image}`, image)));
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest']);
  expect(manager.fact('pod-a', 'a').pulling?.position).toBeUndefined();
  expect(manager.fact('pod-b', 'b').pulling?.position).toBe(1);
  expect(manager.fact('pod-c', 'c').pulling?.position).toBe(2);
  runtime.pulls[0]!.succeed();
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest', 'b:latest']);
  expect(manager.fact('pod-c', 'c').pulling?.position).toBe(1);
  runtime.pulls[1]!.succeed();
  await settle();
  runtime.pulls[2]!.succeed();
  await Promise.all(outcomes);
});

test('with other credentials a pull is tried at once; its own failure backs off again', async () => {
  const { clock, runtime, manager, request } = setUp();
  const refused = manager.ensure(request('p', 'private'));
  await clock.advanceAsync(0);
  runtime.pulls[0]!.fail(new Error('401'));
  expect(await refused).toMatchObject({ do: 'fail', reason: 'ErrImagePull' });
  await clock.advanceAsync(5000);
  expect(await manager.ensure(request('p', 'private'))).toMatchObject({ reason: 'ImagePullBackOff' });
  const again = manager.ensure({ ...request('p', 'private'), anew: true });
  await clock.advanceAsync(0);
  expect(runtime.pulls).toHaveLength(2);
  runtime.pulls[1]!.fail(new Error('401'));
  expect(await again).toMatchObject({ do: 'fail', reason: 'ErrImagePull' });
});

test('backs off per Pod and image, and starts again from 10 s after a success', async () => {
  const { clock, runtime, manager, events, request } = setUp();
  const attempt = async (end: (pull: Pull) => void) => {
    const before = runtime.pulls.length;
    const outcome = manager.ensure(request('p1', 'a'));
    await settle();
    if (runtime.pulls.length > before) end(runtime.pulls.at(-1)!);
    return outcome;
  };
  const fail = (pull: Pull) => pull.fail(new CriError('PullImage', { code: 5, details: 'not found' }));
  const message = 'rpc error: code = NotFound desc = not found';
  expect(await attempt(fail)).toEqual({ do: 'fail', reason: 'ErrImagePull', message, lookAgainAt: 1000 });
  expect(events).toEqual([
    'Pulling: Pulling image "a"',
    `Failed: Failed to pull image "a": ${message}`,
    'Failed: Error: ErrImagePull',
  ]);
  clock.advance(9_999);
  expect(await attempt(fail)).toMatchObject({ reason: 'ImagePullBackOff', lookAgainAt: 10_000 });
  expect(await manager.ensure({ ...request('p2', 'a'), policy: 'Never' })).toMatchObject({
    reason: 'ErrImageNeverPull',
  });
  clock.advance(1);
  expect(await attempt(fail)).toMatchObject({ reason: 'ErrImagePull' });
  expect(manager.fact('p1', 'a').failure).toMatchObject({ at: 10_000, delayMs: 20_000 });
  clock.advance(20_000);
  expect(await attempt((pull) => pull.succeed())).toMatchObject({ do: 'use' });
  expect(manager.fact('p1', 'a').failure).toBeUndefined();
  runtime.images.clear();
  clock.advance(1);
  await attempt(fail);
  expect(manager.fact('p1', 'a').failure).toMatchObject({ delayMs: 10_000 });
});

test('tries credentials in turn and reports all errors', async () => {
  const { runtime, manager, request } = setUp();
  const auths = ['a', 'b'].map((username) => ({ username, password: 'x' }));
  const outcome = manager.ensure(request('p1', 'x', { auths }));
  await settle();
  runtime.pulls[0]!.fail(new CriError('PullImage', { code: 2, details: 'denied' }));
  await settle();
  expect(runtime.pulls[1]!.auth).toEqual({ username: 'b', password: 'x' });
  runtime.pulls[1]!.fail(new CriError('PullImage', { code: 2, details: 'denied too' }));
  expect(await outcome).toMatchObject({ reason: 'ErrImagePull', message: '[denied, denied too]' });
});

test("the node's credentials come after the Pod's, and no attempt goes without any", async () => {
  const runtime = new Runtime();
  const asked: string[] = [];
  const login = (username: string) => ({ username, password: 'x' });
  const nodeAuths = async (repository: string) => {
    asked.push(repository);
    return [login('node')];
  };
  const manager = new ImageManager(runtime, new ManualClock(), { nodeAuths });
  const outcome = manager.ensure({ podUid: 'p', image: 'app', policy: 'Always', auths: [login('pod')] });
  await settle();
  runtime.pulls[0]!.fail(new Error('denied'));
  await settle();
  runtime.pulls[1]!.succeed();
  expect(await outcome).toMatchObject({ do: 'use' });
  expect(asked).toEqual(['docker.io/library/app']);
  expect(runtime.pulls.map(({ auth }) => auth?.username)).toEqual(['pod', 'node']);
});

test('a pull ends when the last one who wanted it has gone', async () => {
  const { runtime, manager, request } = setUp({ maxParallel: 1, qps: 0, burst: 1 });
  const [one, two] = [new AbortController(), new AbortController()];
  const first = manager.ensure(request('p1', 'a', { signal: one.signal }));
  const second = manager.ensure(request('p2', 'a', { signal: two.signal }));
  await settle();
  one.abort(new Error('pod 1 is gone'));
  await expect(first).rejects.toThrow('pod 1 is gone');
  expect(runtime.pulls[0]!.signal!.aborted).toBe(false);
  expect(manager.fact('p1', 'a')).not.toHaveProperty('pulling');
  two.abort(new Error('pod 2 is gone'));
  await expect(second).rejects.toThrow('pod 2 is gone');
  expect(runtime.pulls[0]!.signal!.aborted).toBe(true);
  const next = manager.ensure(request('p3', 'b'));
  await settle();
  runtime.pulls[1]!.succeed();
  expect(await next).toMatchObject({ do: 'use' });
});

test('two containers of one Pod share a pull, each with its own signal', async () => {
  const { runtime, manager, request } = setUp();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = manager.ensure(request('p1', 'a', { signal: one.signal }));
  await settle();
  const second = manager.ensure(request('p1', 'a', { signal: two.signal }));
  const third = manager.ensure(request('p1', 'a'));
  await settle();
  expect(runtime.pulls).toHaveLength(1);
  two.abort(new Error('second gave up'));
  await expect(second).rejects.toThrow('second gave up');
  one.abort(new Error('first gave up'));
  await expect(first).rejects.toThrow('first gave up');
  await settle();
  expect(runtime.pulls).toHaveLength(2);
  runtime.pulls[1]!.succeed();
  expect(await third).toMatchObject({ do: 'use' });
});

test('a queued pull that nobody wants any more is never sent', async () => {
  const { runtime, manager, request } = setUp({ maxParallel: 1, qps: 0, burst: 1 });
  const gone = new AbortController();
  const first = manager.ensure(request('p1', 'a'));
  const second = manager.ensure(request('p2', 'b', { signal: gone.signal }));
  await settle();
  gone.abort(new Error('gone'));
  await expect(second).rejects.toThrow('gone');
  runtime.pulls[0]!.succeed();
  await first;
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest']);
});

test('a cancelled pull keeps its place until the runtime has answered, also when its image is wanted again', async () => {
  const { runtime, manager, request } = setUp({ maxParallel: 2, qps: 0, burst: 1 });
  runtime.endsOnCancel = false;
  const gone = new AbortController();
  const first = manager.ensure(request('p1', 'a', { signal: gone.signal }));
  await settle();
  gone.abort(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  const again = manager.ensure(request('p2', 'a'));
  const other = manager.ensure(request('p3', 'b'));
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest', 'a:latest']);
  expect(manager.fact('p3', 'b').pulling?.position).toBe(1);
  runtime.pulls[0]!.fail(new Error('cancelled'));
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest', 'a:latest', 'b:latest']);
  for (const pull of runtime.pulls.slice(1)) pull.succeed();
  for (const outcome of [again, other]) expect(await outcome).toMatchObject({ do: 'use' });
});

test('pulls over the rate wait for their turn', async () => {
  const { clock, runtime, manager, request } = setUp({ maxParallel: 5, qps: 1, burst: 1 });
  const outcomes = ['a', 'b'].map((image) => manager.ensure(request(`pod-${image}`, image)));
  await settle();
  expect(runtime.pulls).toHaveLength(1);
  await clock.advanceAsync(1000);
  expect(runtime.pulls).toHaveLength(2);
  for (const pull of runtime.pulls) pull.succeed();
  for (const outcome of outcomes) expect(await outcome).toMatchObject({ do: 'use' });
});

test('a runtime that cannot be asked is an ImageInspectError, asked again later', async () => {
  const { clock, runtime, manager, request } = setUp();
  runtime.statusError = new CriError('ImageStatus', { code: 14, details: 'connection refused' });
  expect(await manager.ensure(request('p1', 'a'))).toMatchObject({
    reason: 'ImageInspectError',
    message: 'Failed to inspect image "a": rpc error: code = Unavailable desc = connection refused',
    lookAgainAt: 10_000,
  });
  runtime.statusError = undefined;
  runtime.add('a:latest');
  clock.advance(10_000);
  expect(await manager.ensure(request('p1', 'a'))).toMatchObject({ do: 'use' });
});

test.each([
  ['IfNotPresent', 3],
  ['Always', 2],
] as const)(
  'whom an image runs as is not known when the question after its pull fails (%s)',
  async (policy, questions) => {
    const { clock, runtime, manager, request } = setUp();
    const outcome = manager.ensure({ ...request('p1', 'a'), policy });
    await settle();
    runtime.statusFailures = 1;
    runtime.pulls[0]!.succeed();
    expect(await outcome).toEqual({ do: 'use', imageId: 'sha256:id', pulled: true });
    expect(manager.fact('p1', 'a')).toEqual({ ref: 'a', present: true, imageId: 'sha256:id', pulledAt: 0 });
    clock.advance(1);
    const second = manager.ensure({ ...request('p1', 'a'), policy });
    await settle();
    runtime.pulls[1]?.succeed();
    expect(await second).toMatchObject({ do: 'use', user: { uid: 1000 } });
    expect(runtime.statusCalls).toBe(questions);
  },
);

test('progress is read when somebody asks', async () => {
  const { runtime, manager, request } = setUp();
  const outcome = manager.ensure(request('p1', 'a'));
  await settle();
  await manager.refreshProgress();
  expect(manager.fact('p1', 'a').pulling?.progress).toEqual({ offset: 15, total: 150, parts: 2, shared: false });
  runtime.pulls[0]!.succeed();
  await outcome;
  expect(manager.fact('p1', 'a')).not.toHaveProperty('pulling');
});

test('a pull that succeeded is counted with its wait, and the size of its image', async () => {
  const [clock, runtime] = [new ManualClock(), new Runtime()];
  const pulled: number[][] = [];
  const manager = new ImageManager(runtime, clock, { onPulled: (...of) => pulled.push(of) });
  const outcome = manager.ensure({ podUid: 'p', image: 'a', policy: 'Always' });
  await settle();
  clock.advance(1500);
  runtime.pulls[0]!.succeed();
  await outcome;
  expect(pulled).toEqual([[1.5, 4096]]);
});

test('pulls of which nothing comes hold no place; when something comes they do again', async () => {
  const { clock, runtime, manager, request } = setUp();
  // Two registries that do not answer have both places.
  const content = { listContent: async () => [], readContent: async () => Buffer.alloc(0) };
  Object.assign(runtime, content, { listPullProgress: async () => [] });
  const stuck = new ImageManager(runtime, clock, { limits: { maxParallel: 2, qps: 0, burst: 1 } });
  const all = ['a', 'b', 'c', 'd', 'e'].map((image) => stuck.ensure(request(image, image)));
  await settle();
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest', 'b:latest']);
  for (let i = 0; i < 3; i++) {
    clock.advance(10_000);
    await settle();
  }
  expect(runtime.pulls.map(({ image }) => image)).toEqual(['a:latest', 'b:latest', 'c:latest', 'd:latest']);
  expect(stuck.fact('e', 'e').pulling).toMatchObject({ position: 1 });
  runtime.pulls[0]!.succeed(); // no place is free by that
  await settle();
  expect(runtime.pulls).toHaveLength(4);
  for (const pull of runtime.pulls) pull.succeed();
  await settle();
  for (const pull of runtime.pulls) pull.succeed();
  await Promise.all(all);
  expect([clock.pending, manager.facts('a')]).toEqual([0, []]);
});

test('of a Pod that shows more than 30 logins the rest is not tried', async () => {
  const { runtime, manager, request } = setUp();
  const auths = Array.from({ length: 100 }, (_, i) => ({ username: `u${i}`, password: 'p' }));
  const outcome = manager.ensure(request('p1', 'a', { auths }));
  for (let i = 0; i < 100; i++) {
    await settle();
    runtime.pulls[i]?.fail(new Error('no'));
  }
  await outcome;
  expect(runtime.pulls).toHaveLength(30);
});

test('a pull that takes long has one Event that is updated; the facts say the same', async () => {
  const { clock, manager, request, runtime } = setUp();
  const told: object[] = [];
  const outcome = manager.ensure(request('p1', 'a', { onEvent: (event) => told.push(event) }));
  await settle();
  clock.advance(10_000);
  await settle();
  runtime.progressErrors.push(new CriError('ListStatuses', { code: 12, details: '' }));
  clock.advance(20_000);
  await settle();
  expect(told.slice(1)).toEqual([
    {
      ...{ type: 'Normal', reason: 'ImagePullProgress', update: 'pull/a' },
      message: 'Pulling image "a" for 10 s (10 %, 0.0 MiB of 0.0 MiB)',
    },
    expect.objectContaining({ message: 'Pulling image "a" for 30 s; the runtime does not tell how far it is' }),
  ]);
  expect(manager.fact('p1', 'a').pulling).toEqual({ sinceMono: 0, untold: true });
  runtime.pulls[0]!.succeed();
  await outcome;
  expect(clock.pending).toBe(0);
});

test('a runtime that does not answer is not waited for, and is asked again; one that knows no progress is not', async () => {
  const { runtime, manager, request } = setUp();
  const outcome = manager.ensure(request('p1', 'a'));
  await settle();
  const failed = (code: number) => new CriError('ListStatuses', { code, details: '' });
  runtime.progressErrors.push(failed(4), failed(12));
  for (let i = 0; i < 4; i++) await manager.refreshProgress();
  expect(runtime.progressLimits).toEqual([1_000, 1_000]);
  runtime.pulls[0]!.succeed();
  await outcome;
});

test('forgets a Pod, also when its pull is aborted afterwards', async () => {
  const { manager, request } = setUp();
  const gone = new AbortController();
  const outcome = manager.ensure(request('p1', 'a', { signal: gone.signal }));
  await settle();
  manager.forget('p1');
  gone.abort(new Error('gone'));
  await expect(outcome).rejects.toThrow('gone');
  expect(manager.facts('p1')).toEqual([]);
});

describe('who may use an image that is there', () => {
  const login = (tenant: string) => ({
    username: tenant,
    password: 'x',
    source: { secret: { uid: tenant, namespace: tenant, name: 'cred' } },
  });

  async function guarded() {
    const clock = new ManualClock();
    const runtime = new Runtime();
    const files = new CrashingFiles();
    const records = await PullRecords.open({ files, cacheSize: 10, clock, log: silentLogger });
    const access = new ImageAccess({
      records,
      verification: verificationOf('NeverVerifyPreloadedImages', []),
      find: async (image) => runtime.images.get(image)?.id,
      list: async () => [],
      clock,
      log: silentLogger,
    });
    const counts: string[] = [];
    const onEnsured = (...what: unknown[]) => counts.push(what.map(String).join(' '));
    const manager = new ImageManager(runtime, clock, { access, onEnsured });
    const events: string[] = [];
    const request = (podUid: string, policy: 'IfNotPresent' | 'Never' | 'Always', tenant?: string) => ({
      ...{ podUid, image: 'reg.io/app:1', policy },
      auths: tenant === undefined ? [] : [login(tenant)],
      onEvent: (event: { reason: string; message: string }) => events.push(`${event.reason}: ${event.message}`),
    });
    return { clock, runtime, manager, files, events, counts, request };
  }

  test('a Pod without credentials does not get what another one’s pulled, and is not told that it is there', async () => {
    const { runtime, manager, events, counts, request, clock } = await guarded();
    const first = manager.ensure(request('a', 'IfNotPresent', 'a'));
    await until(() => runtime.pulls.length === 1);
    runtime.pulls[0]!.succeed();
    expect(await first).toMatchObject({ do: 'use', pulled: true });
    expect(await manager.ensure(request('a2', 'IfNotPresent', 'a'))).toMatchObject({ do: 'use', pulled: false });
    expect(await manager.ensure(request('a3', 'Never', 'a'))).toMatchObject({ do: 'use', pulled: false });
    events.length = 0;
    expect(await manager.ensure(request('b', 'Never'))).toMatchObject({
      reason: 'ErrImageNeverPull',
      message: 'Container image "reg.io/app:1" is not present with pull policy of Never',
    });
    expect(events).toEqual([
      'ErrImageNeverPull: Container image "reg.io/app:1" is not present with pull policy of Never',
      'Failed: Error: ErrImageNeverPull',
    ]);
    const refused = manager.ensure(request('b2', 'IfNotPresent'));
    await until(() => runtime.pulls.length === 2);
    runtime.pulls[1]!.fail(new CriError('PullImage', { code: 2, details: 'authorization failed' }));
    expect(await refused).toMatchObject({ reason: 'ErrImagePull', message: 'authorization failed' });
    // The image is found again before each attempt, and the delay grows all the same.
    clock.advance(10_000);
    const again = manager.ensure(request('b2', 'IfNotPresent'));
    await until(() => runtime.pulls.length === 3);
    runtime.pulls[2]!.fail(new CriError('PullImage', { code: 2, details: 'authorization failed' }));
    await again;
    expect(manager.fact('b2', 'reg.io/app:1').failure).toMatchObject({ delayMs: 20_000 });
    expect(counts).toEqual([
      'IfNotPresent false true',
      ...['IfNotPresent true false', 'Never true false', 'Never true true'],
      ...['IfNotPresent true true', 'IfNotPresent true true'],
    ]);
  });

  test('the registry’s word counts: who could pull it may use it from then on', async () => {
    const { runtime, manager, request } = await guarded();
    for (const [i, tenant] of ['a', 'b'].entries()) {
      const outcome = manager.ensure(request(tenant, 'IfNotPresent', tenant));
      await until(() => runtime.pulls.length === i + 1);
      runtime.pulls[i]!.succeed();
      await outcome;
    }
    for (const tenant of ['a', 'b']) {
      expect(await manager.ensure(request(`${tenant}2`, 'Never', tenant))).toMatchObject({ do: 'use' });
    }
    expect(runtime.pulls).toHaveLength(2);
  });

  test('that it will be pulled is on the disk before the runtime hears of it', async () => {
    const { runtime, manager, files, request } = await guarded();
    const before: string[][] = [];
    const pullImage = runtime.pullImage.bind(runtime);
    runtime.pullImage = (...args) => {
      before.push([...files.disk.values()]);
      return pullImage(...args);
    };
    const outcome = manager.ensure(request('a', 'Always', 'a'));
    await until(() => runtime.pulls.length === 1);
    expect(before).toEqual([[expect.stringContaining('"image":"reg.io/app:1"')]]);
    runtime.pulls[0]!.succeed();
    await outcome;
    expect([...files.disk.keys()]).toEqual([expect.stringMatching(/^pulled\//)]);
  });

  test('a disk that takes no record keeps the image away', async () => {
    const { runtime, manager, files, request } = await guarded();
    files.killAt = 1;
    expect(await manager.ensure(request('a', 'IfNotPresent', 'a'))).toMatchObject({
      reason: 'ErrImagePull',
      message:
        'Failed to record image pull intent for container image "reg.io/app:1": failed to record image pull intent: killed',
    });
    expect(runtime.pulls).toEqual([]);
  });
});

test('a provider that is waited for is a fact as long as it is, also when the wait is aborted', async () => {
  const runtime = new Runtime();
  const waiting = Promise.withResolvers<RegistryLogin[]>();
  const nodeAuths: NodeAuths = async (_repository, { signal, onWait } = {}) => {
    onWait?.('slow');
    signal?.addEventListener('abort', () => waiting.reject(signal.reason));
    return waiting.promise.finally(() => onWait?.(undefined));
  };
  const manager = new ImageManager(runtime, new ManualClock(), { nodeAuths });
  const gone = new AbortController();
  const outcome = manager.ensure({ podUid: 'p', image: 'app', policy: 'Always', signal: gone.signal });
  await until(() => manager.fact('p', 'app').provider === 'slow');
  gone.abort(new Error('not wanted any more'));
  await expect(outcome).rejects.toThrow('not wanted any more');
  expect(manager.fact('p', 'app')).toEqual({ ref: 'app', present: 'unknown' });
});
