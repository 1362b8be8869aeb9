import { linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { openBelow } from '../lib/fake/openFiles.ts';
import { until } from '../lib/fake/until.ts';
import { childPath } from '../lib/linux/pathBytes.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import { silentLogger } from '../lib/logger.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import type { ServedPod } from '../pods/served.ts';
import { servedPod } from '../server/fake/fakeHost.ts';
import { CgroupReader } from './cadvisor/cgroupReader.ts';
import { diskUsage, type Usage, type Walk } from './diskUsage.ts';
import type { PodStats } from './shapes.ts';
import { StorageFigures } from './storage.ts';
import { SummaryReader } from './summary.ts';
import { Walks } from './walks.ts';

let root: string;
let clock: ManualClock;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'summary-'));
  clock = new ManualClock();
});
afterEach(() => rmSync(root, { recursive: true }));

/** Walks that go on or end when the test says so. */
class HeldWalks {
  readonly #next: PromiseWithResolvers<Usage | undefined>[] = [];
  begun = 0;
  left = 0;

  /** Only the volume's walk is held. */
  readonly walk = (path: string): Walk => (path.endsWith('data') ? this.#held() : diskUsage(path));

  /** The pieces that are under way are done: with a usage the walk is complete, without it goes on. */
  done(usage?: Usage): void {
    for (const piece of this.#next.splice(0)) piece.resolve(usage);
  }

  async *#held(): Walk {
    this.begun += 1;
    try {
      for (;;) {
        const piece = Promise.withResolvers<Usage | undefined>();
        this.#next.push(piece);
        const usage = await piece.promise;
        if (usage) return usage;
        yield;
      }
    } finally {
      this.left += 1;
    }
  }
}

/** A node with one Pod that has an emptyDir; `pods` may be emptied. */
function node(walks: HeldWalks) {
  mkdirSync(join(root, 'data'));
  const meta = { name: 'p', namespace: 'ns', uid: 'uid' };
  const spec = { containers: [], volumes: [{ name: 'data', emptyDir: {} }] };
  const pod = allocatedAsAsked({ metadata: meta, spec });
  const pods: ServedPod[] = [servedPod({ pod, volumePath: (volume) => join(root, volume) })];
  const stats = { attributes: { id: 'sid', metadata: { ...meta, attempt: 0 } } };
  const runtime = {
    listPodSandboxStats: async () => [stats],
    imageFsInfo: async () => ({ imageFilesystems: [], containerFilesystems: [] }),
  };
  const has = (uid: string) => pods.some((p) => p.uid === uid);
  const storage = new StorageFigures({ clock, walk: walks.walk, maxAgeMs: 60_000, has });
  const reader = new SummaryReader({
    nodeName: 'node',
    rootDir: root,
    runtime: runtime as never,
    pods: { all: () => pods, get: (uid) => pods.find((p) => p.uid === uid), onChange: () => ({}) as Disposable },
    wall: () => clock.now().wall,
    log: silentLogger,
    storage,
    machine: {} as never,
    reader: new CgroupReader({ version: 2, of: () => root, all: [root] }),
    places: {} as never,
    system: { pods: '/none' } as never,
    metricsFromRuntime: false,
  });
  const ask = async () => ((await reader.summary(false)) as { pods: PodStats[] }).pods[0];
  return { storage, pods, ask };
}

test('two summaries during a walk that does not end: one walk, and both answer without the volume', async () => {
  const walks = new HeldWalks();
  const { ask } = node(walks);
  const answers = [ask(), ask()];
  await until(() => walks.begun > 0 && clock.pending === 2, 5_000);
  await clock.advanceAsync(1500);
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ podRef: { name: 'p' } });
    expect(answer).not.toHaveProperty('volume');
    expect(answer).not.toHaveProperty('ephemeral-storage');
  }
  expect(walks.begun).toBe(1);
  // It has gone on behind them, and its result serves the next ones.
  walks.done();
  await clock.advanceAsync(0);
  walks.done({ bytes: 4096, inodes: 3 });
  await clock.advanceAsync(0);
  const next = await ask();
  expect(next?.volume).toMatchObject([{ name: 'data', usedBytes: 4096, inodesUsed: 3 }]);
  expect(next?.['ephemeral-storage']).toMatchObject({ usedBytes: 4096, inodesUsed: 3 });
  expect(walks.begun).toBe(1);
  expect(clock.pending).toBe(0);
  // When it is too old a new walk begins; while that lasts the old figures serve.
  await clock.advanceAsync(60_000);
  const late = ask();
  await until(() => walks.begun === 2 && clock.pending === 1, 5_000);
  await clock.advanceAsync(1500);
  expect((await late)?.volume).toMatchObject([{ usedBytes: 4096 }]);
});

test.each(['the Pod is gone', 'the figures are disposed'])('a walk ends when %s', async (why) => {
  const walks = new HeldWalks();
  const { ask, pods, storage } = node(walks);
  const answer = ask();
  await until(() => walks.begun === 1 && clock.pending === 1, 5_000);
  await clock.advanceAsync(1500);
  await answer;
  walks.done();
  await clock.advanceAsync(0);
  expect(walks.left).toBe(0);
  if (why === 'the Pod is gone') pods.pop();
  else storage[Symbol.dispose]();
  walks.done();
  await until(() => walks.left === 1, 5_000);
});

/** A walk to its end. */
async function walked(walk: Walk): Promise<Usage | undefined> {
  for (;;) {
    const step = await walk.next();
    if (step.done) return step.value;
  }
}

test('what has a name of any bytes counts too', async () => {
  const odd = Buffer.from(`${root}/d\xff`, 'latin1');
  mkdirSync(odd);
  writeFileSync(childPath(odd, Buffer.from([0xfe])), Buffer.alloc(100_000, 1));
  const usage = await walked(diskUsage(root));
  expect(usage?.inodes).toBe(3);
  expect(usage?.bytes).toBeGreaterThan(100_000);
  await removeTree(odd, new AbortController().signal);
});

test('a tree that is more than a walk may hold is unknown, and nothing stays open', async () => {
  let path = root;
  for (let level = 0; level < 200; level++) path = join(path, 'd');
  mkdirSync(path, { recursive: true });
  for (let index = 0; index < 10; index++) {
    writeFileSync(join(root, `f${index}`), '');
    linkSync(join(root, `f${index}`), join(root, `g${index}`));
  }
  expect(await walked(diskUsage(root))).toBeUndefined();
  expect(await walked(diskUsage(root, { depth: 300, hardLinks: 9 }))).toBeUndefined();
  expect(await walked(diskUsage(root, { depth: 300, hardLinks: 10 }))).toMatchObject({ inodes: 211 });
  const walk = diskUsage(join(root, 'd'), { depth: 300, hardLinks: 0 });
  await walk.return({ bytes: 0, inodes: 0 });
  expect(openBelow(root)).toEqual([]);
});

test('a walk that is given up in the middle closes what it has open', async () => {
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  for (let index = 0; index < 300; index++) writeFileSync(join(root, `a/b/c/f${index}`), '');
  const walk = diskUsage(root);
  expect((await walk.next()).done).toBe(false);
  expect(openBelow(root)).not.toEqual([]);
  await walk.return({ bytes: 0, inodes: 0 });
  expect(openBelow(root)).toEqual([]);
});

test('a tree that is unknown is not walked again at once; at most 16 walks have begun', async () => {
  let begun = 0;
  const ends: (() => void)[] = [];
  async function* walk(): Walk {
    begun += 1;
    await new Promise<void>((resolve) => ends.push(resolve));
    yield;
    return undefined;
  }
  const walks = new Walks({ clock, maxAgeMs: 60_000, walk });
  const over = new Promise<void>(() => {});
  const patience = { over, [Symbol.dispose]: () => {} };
  const asked = Array.from({ length: 40 }, (_, index) => walks.usage(`/${index}`, patience, () => true));
  const done = Promise.all(asked);
  let most = 0;
  for (let ended = 0; ended < 40; ended++) {
    await until(() => ends.length > 0, 5_000);
    most = Math.max(most, begun - ended);
    ends.shift()!();
  }
  expect(new Set(await done)).toEqual(new Set([undefined]));
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(16);
  expect(await walks.usage('/0', patience, () => true)).toBeUndefined();
  expect(begun).toBe(40);
});

test('a tree is walked in pieces; each inode counts once, however many names it has', async () => {
  mkdirSync(join(root, 'a/b'), { recursive: true });
  for (let i = 0; i < 600; i++) writeFileSync(join(root, `a/f${i}`), 'x');
  for (let i = 0; i < 20; i++) linkSync(join(root, 'a/f0'), join(root, `a/b/l${i}`));
  const walk = diskUsage(root);
  let pieces = 0;
  let step = await walk.next();
  for (; !step.done; step = await walk.next()) pieces += 1;
  const file = statSync(join(root, 'a/f0')).blocks;
  const blocks = ['', 'a', 'a/b'].reduce((sum, dir) => sum + statSync(join(root, dir)).blocks, 600 * file);
  expect(step.value).toEqual({ bytes: blocks * 512, inodes: 603 });
  expect(pieces).toBe(2);
});
