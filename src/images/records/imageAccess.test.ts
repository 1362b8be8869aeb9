import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { verificationOf } from '../rules/imageAccess.ts';
import { decodeRecord, encodeIntent } from '../rules/pullRecord.ts';
import { CrashingFiles } from '../testing/crashingFiles.ts';
import type { RegistryLogin } from '../types.ts';
import { ImageAccess } from './imageAccess.ts';
import { PullRecords } from './pullRecords.ts';
import { type RecordFiles, recordFiles, recordName } from './recordFiles.ts';

const login = (tenant: string, password = tenant): RegistryLogin => ({
  username: tenant,
  password,
  source: { secret: { uid: `uid-${tenant}`, namespace: tenant, name: 'cred' } },
});
const image = 'reg.example/private:1';
const id = 'sha256:private';

/** A runtime that outlives the process, and processes that look after its images one after the other. */
async function start(
  runtime: Map<string, string>,
  files: RecordFiles,
  clock = new ManualClock(),
  policy = 'NeverVerifyPreloadedImages',
) {
  const records = await PullRecords.open({ files, cacheSize: 10, clock, log: silentLogger });
  const results: string[] = [];
  const access = new ImageAccess({
    records,
    verification: verificationOf(policy, []),
    find: async (name) => runtime.get(name),
    list: async () => [...runtime.values()],
    clock,
    log: silentLogger,
    onResult: (result) => results.push(result),
  });
  const find = async () => runtime.get(image);
  const mayUse = (...logins: RegistryLogin[]) => access.mayUse(image, id, async () => logins);
  const pull = async (by: RegistryLogin | undefined) => {
    const note = await access.begin(image, find);
    runtime.set(image, id);
    await note.succeeded(id, by);
  };
  return { access, records, clock, results, mayUse, pull, find };
}

test('what one tenant pulled, another may not use; the tenant itself and who has the same login may', async () => {
  const { mayUse, pull, results } = await start(new Map(), new CrashingFiles());
  await pull(login('a'));
  expect(await mayUse(login('a'))).toBe(true);
  expect(await mayUse()).toBe(false);
  expect(await mayUse(login('b'))).toBe(false);
  expect(await mayUse({ username: 'a', password: 'guess' })).toBe(false);
  expect(await mayUse({ ...login('a'), source: { secret: { uid: 'x', namespace: 'x', name: 'x' } } })).toBe(true);
  expect(results).toEqual([
    'credentialRecordFound',
    ...['mustAuthenticate', 'mustAuthenticate', 'mustAuthenticate'],
    'credentialRecordFound',
  ]);
});

test('a Secret may change its login; the one that it had is no good any more then', async () => {
  const { mayUse, pull } = await start(new Map(), new CrashingFiles());
  await pull(login('a', 'old'));
  expect(await mayUse(login('a', 'new'))).toBe(true);
  const other = { ...login('a', 'new'), source: { secret: { uid: 'o', namespace: 'o', name: 'o' } } };
  expect(await mayUse(other)).toBe(true);
  expect(await mayUse({ ...other, password: 'old', source: { secret: { uid: 'p', namespace: 'p', name: 'p' } } })).toBe(
    false,
  );
});

test('what was pulled without credentials, or with the node’s, everybody may use; nobody asks for credentials then', async () => {
  for (const by of [undefined, { username: 'node', password: 'x' }]) {
    const { access, pull } = await start(new Map(), new CrashingFiles());
    await pull(by);
    const never = () => Promise.reject(new Error('asked'));
    expect(await access.mayUse(image, id, never)).toBe(true);
  }
});

test('credentials of a service account are good for its Pods', async () => {
  const { mayUse, pull } = await start(new Map(), new CrashingFiles());
  const robot = {
    username: 'x',
    password: 'y',
    source: { serviceAccount: { uid: 'u', namespace: 'n', name: 'robot' } },
  };
  await pull(robot);
  expect(await mayUse({ ...robot, password: 'other token' })).toBe(true);
  expect(await mayUse({ ...robot, source: { serviceAccount: { uid: 'u2', namespace: 'n', name: 'robot' } } })).toBe(
    false,
  );
});

test('a process that is killed at any step leaves nothing that lets another tenant in, and no tenant out for good', async () => {
  for (let killAt = 1; ; killAt++) {
    const [files, runtime] = [new CrashingFiles(), new Map<string, string>()];
    files.killAt = killAt;
    const first = await start(runtime, files);
    const isKilled = await (async () => {
      const note = await first.access.begin(image, first.find);
      files.step();
      runtime.set(image, id); // the runtime has it; the agent may not hear of it any more
      files.step();
      await note.succeeded(id, login('a'));
      return files.steps >= killAt;
    })().catch(() => true);
    files.killAt = Number.POSITIVE_INFINITY;
    const next = await start(runtime, files);
    const look = async () => {
      if (!runtime.has(image)) return;
      expect(await next.mayUse(login('b'))).toBe(false);
      expect(await next.mayUse()).toBe(false);
    };
    await look();
    await next.access.tidy();
    await look();
    next.clock.advance(600_000);
    await next.access.tidy();
    await look();
    await next.pull(login('b')); // the registry let it
    expect(await next.mayUse(login('b'))).toBe(true);
    expect(await next.mayUse(login('c'))).toBe(false);
    if (!isKilled) {
      expect(killAt).toBeGreaterThan(5);
      return;
    }
  }
});

test('a pull without a known end counts as one until the runtime has said what it has', async () => {
  const runtime = new Map<string, string>();
  const { access, mayUse, clock, find, records } = await start(runtime, new CrashingFiles());
  await (await access.begin(image, find)).failed(false);
  runtime.set(image, id); // it was told to stop, and was faster
  expect(await mayUse()).toBe(false);
  clock.advance(31_000);
  await access.tidy();
  expect(access.doubts).toBe(0);
  expect(records.size).toMatchObject({ intents: 0, pulled: 1 });
  expect(await mayUse()).toBe(false);
});

test('a second pull does not take what the first one may have brought for what was there before', async () => {
  const runtime = new Map<string, string>();
  const { access, mayUse, find } = await start(runtime, new CrashingFiles());
  await (await access.begin(image, find)).failed(false);
  runtime.set(image, id);
  await (await access.begin(image, find)).failed(true);
  expect(await mayUse()).toBe(false);
});

test('a failed pull of an image that lay there before changes nothing for those who use it', async () => {
  for (const isSettled of [true, false]) {
    const runtime = new Map([[image, id]]);
    const { access, mayUse, find, clock, records } = await start(runtime, new CrashingFiles());
    const note = await access.begin(image, find);
    expect(await mayUse()).toBe(false); // for the moment it may become another's
    await note.failed(isSettled);
    clock.advance(31_000);
    await access.tidy();
    expect(await mayUse()).toBe(true);
    expect(records.size).toMatchObject({ intents: 0, pulled: 0 });
  }
});

test.each([
  ['NeverVerify', true, true],
  ['NeverVerifyPreloadedImages', true, false],
  ['AlwaysVerify', false, false],
])('%s: an image that lay there may be used (%s), one of another tenant (%s)', async (policy, preloaded, others) => {
  const { mayUse, pull } = await start(new Map([[image, id]]), new CrashingFiles(), new ManualClock(), policy);
  expect(await mayUse()).toBe(preloaded);
  await pull(login('a'));
  expect(await mayUse(login('b'))).toBe(others);
});

test('a record that cannot be read lets nobody in, and the next pull replaces it', async () => {
  const files = new CrashingFiles();
  files.disk.set(`pulled/${recordName(id)}`, '{"kind":"ImagePulledRecord"');
  const { mayUse, pull, results } = await start(new Map([[image, id]]), files);
  expect(await mayUse(login('a'))).toBe(false);
  expect(results).toEqual(['error']);
  await pull(login('a'));
  expect(await mayUse(login('a'))).toBe(true);
});

test('an image must not be pulled when that cannot be written down', async () => {
  const files = new CrashingFiles();
  files.killAt = 1;
  const { access, find } = await start(new Map(), files);
  await expect(access.begin(image, find)).rejects.toThrow(
    `Failed to record image pull intent for container image "${image}": failed to record image pull intent: killed`,
  );
});

test('records of images that are gone go with them, but not those of images that came since', async () => {
  const runtime = new Map<string, string>();
  const { access, pull, clock, records } = await start(runtime, new CrashingFiles());
  await pull(login('a'));
  await access.tidy();
  expect(records.size.pulled).toBe(1);
  runtime.clear();
  await access.tidy(); // too early for another look
  expect(records.size.pulled).toBe(1);
  clock.advance(300_000);
  await access.tidy();
  expect(records.size).toMatchObject({ pulled: 0, cached: 0 });
});

test('memory holds some records, and the disk the others', async () => {
  const { access, records } = await start(new Map(), new CrashingFiles());
  for (let i = 0; i < 30; i++) await records.learn(`reg.example/${i}:1`, `sha256:${i}`, undefined);
  expect(records.size).toMatchObject({ pulled: 30, cached: 10 });
  expect(await access.mayUse('reg.example/0:1', 'sha256:0', async () => [])).toBe(false);
});

test('a record does not grow without end: what does not fit is pulled each time', async () => {
  const { records, access } = await start(new Map(), new CrashingFiles());
  const source = (i: number) => ({ uid: String(i), namespace: 'n', name: 'x', credentialHash: `hash-${i}` });
  for (let i = 0; i < 510; i++) {
    await records.learn(image, id, { secrets: [source(i)], serviceAccounts: [], nodePodsAccessible: false });
  }
  expect((await records.record(id))?.credentials.get('reg.example/private')?.secrets).toHaveLength(499);
  expect(await access.mayUse(image, id, async () => [login('late')])).toBe(false);
});

describe('on the disk', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'records-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test('files lie where kubelet has them, for root alone; what another kubelet left counts', async () => {
    const files = await recordFiles(root);
    const { pull } = await start(new Map(), files);
    await pull(login('a'));
    const directory = join(root, 'image_manager/pulled');
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory, recordName(id)))).mode & 0o777).toBe(0o600);
    expect(await readdir(join(root, 'image_manager/pulling'))).toEqual([]);
    const old = encodeIntent('reg.example/foreign:1').replace('v1beta1', 'v1alpha1');
    await writeFile(join(root, 'image_manager/pulling', recordName('reg.example/foreign:1')), old);
    await writeFile(join(directory, `${recordName('x')}.tmp`), 'half');

    const next = await start(new Map([[image, id]]), await recordFiles(root));
    expect(await next.mayUse(login('a'))).toBe(true);
    expect(await next.mayUse(login('b'))).toBe(false);
    expect(await next.access.mayUse('reg.example/foreign:1', 'sha256:f', async () => [])).toBe(false);
    expect(await readdir(directory)).toEqual([recordName(id)]);
    expect(await next.records.intents()).toEqual(['reg.example/foreign:1']);
    expect(await files.read('pulling', recordName('reg.example/foreign:1'))).toBe(
      encodeIntent('reg.example/foreign:1'),
    );
  });

  test('a record of an older version is written anew', async () => {
    const files = await recordFiles(root);
    const first = await start(new Map(), files);
    await first.pull(login('a'));
    const text = (await files.read('pulled', recordName(id)))!;
    await files.write('pulled', recordName(id), text.replace('v1beta1', 'v1alpha1'));
    const next = await start(new Map([[image, id]]), files);
    await next.access.tidy();
    expect(await files.read('pulled', recordName(id))).toBe(text);
    expect(decodeRecord(text).isCurrent).toBe(true);
  });

  test('a file without end is not read', async () => {
    const files = await recordFiles(root);
    await files.write('pulled', recordName(id), ' '.repeat(5 * 1024 * 1024));
    const { mayUse } = await start(new Map([[image, id]]), files);
    expect(await mayUse(login('a'))).toBe(false);
  });
});

test('what an interrupted pull has brought is not open under its other names either, from the first question of the next process on', async () => {
  const [files, runtime] = [new CrashingFiles(), new Map<string, string>()];
  const killed = await start(runtime, files);
  await killed.access.begin(image, killed.find);
  runtime.set(image, id);
  const next = await start(runtime, files);
  const digest = `reg.example/private@sha256:${'a'.repeat(64)}`;
  expect(await next.access.mayUse(digest, id, async () => [])).toBe(false);
  // Images that nobody was pulling are there for everybody.
  expect(await next.access.mayUse('reg.example/preloaded:1', 'sha256:other', async () => [])).toBe(true);
  expect(next.records.size.intents).toBe(0);
});

test('while the runtime does not tell what an interrupted pull has brought, nothing is taken for preloaded', async () => {
  const [files, runtime] = [new CrashingFiles(), new Map<string, string>()];
  const killed = await start(runtime, files);
  await killed.access.begin(image, killed.find);
  const next = await start(runtime, files);
  const get = jest.spyOn(runtime, 'get').mockImplementation(() => {
    throw new Error('the runtime is away');
  });
  expect(await next.access.mayUse('reg.example/preloaded:1', 'sha256:other', async () => [])).toBe(false);
  get.mockRestore();
  expect(await next.access.mayUse('reg.example/preloaded:1', 'sha256:other', async () => [])).toBe(true);
});

test('a name that the runtime can never be asked about keeps nobody out for good', async () => {
  const [files, runtime] = [new CrashingFiles(), new Map<string, string>()];
  const killed = await start(runtime, files);
  await killed.access.begin(image, killed.find);
  const next = await start(runtime, files);
  jest.spyOn(runtime, 'get').mockImplementation(() => {
    throw new Error('invalid argument');
  });
  const asked = [];
  for (let i = 0; i < 4; i++)
    asked.push(await next.access.mayUse('reg.example/preloaded:1', 'sha256:other', async () => []));
  expect(asked).toEqual([false, false, true, true]);
  // The image itself stays closed.
  expect(await next.mayUse()).toBe(false);
});

test('a record of the second that a look at the runtime began in stays: files tell no more than seconds', async () => {
  const [files, runtime, clock] = [new CrashingFiles(), new Map<string, string>(), new ManualClock()];
  const { pull, clock: at } = await start(runtime, files, clock);
  await at.advanceAsync(1_000 - (at.now().wall % 1_000) + 700);
  await pull(login('a'));
  // Nothing of it is in memory.
  const { records } = await start(runtime, files, clock);
  await records.prune(new Set(), at.now().wall - 100);
  expect(await records.record(id)).toBeDefined();
  await records.prune(new Set(), at.now().wall + 1_000);
  expect(await records.record(id)).toBeUndefined();
});
