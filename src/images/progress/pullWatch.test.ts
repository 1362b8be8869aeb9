import { CriError } from '../../cri/error.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import type { StoredBlob } from '../rules/imageParts.ts';
import type { Transfer } from '../rules/progress.ts';
import type { PullProgress } from '../types.ts';
import { PullWatch, type WatchedPull } from './pullWatch.ts';

const digest = (n: number) => `sha256:${String(n).padStart(64, '0')}`;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
const unimplemented = () => new CriError('ListStatuses', { code: 12, details: '' });

/** containerd's content store: one image of three layers of 100 bytes. */
class Store {
  transfers: Transfer[] = [];
  readonly blobs = new Set<string>();
  manifest = JSON.stringify({ layers: [1, 2, 3].map((n) => ({ digest: digest(n), size: 100 })) });
  manifestBytes = 100;
  fails: Error | undefined;
  readonly asked: string[] = [];

  async listPullProgress() {
    this.asked.push('transfers');
    if (this.fails) throw this.fails;
    return this.transfers;
  }

  async listContent(filters: readonly string[]): Promise<StoredBlob[]> {
    this.asked.push(`list ${filters.length}`);
    const labels = Object.fromEntries([1, 2, 3].map((n) => [`containerd.io/gc.ref.content.l.${n}`, digest(n)]));
    const whole = { size: 100, updatedAt: 1 };
    if (filters[0]?.startsWith('labels.')) return [{ digest: 'manifest', ...whole, size: this.manifestBytes, labels }];
    return [...this.blobs]
      .filter((one) => filters.includes(`digest=="${one}"`))
      .map((one) => ({ digest: one, ...whole, labels: {} }));
  }

  async readContent() {
    this.asked.push('read');
    return Buffer.from(this.manifest);
  }
}

function setUp(service: Partial<Store> = new Store()) {
  const clock = new ManualClock();
  const stalls = new Map<string, boolean>();
  const onStall = (image: string, isStalled: boolean) => void stalls.set(image, isStalled);
  const watch = new PullWatch({ service, clock, flying: () => 1, onStall });
  const told: string[] = [];
  const progress = new Map<string, PullProgress | 'untold'>();
  const pull = (name: string, image = 'r.io/app:1', since: number | undefined = clock.now().mono): WatchedPull => ({
    ...{ image, since: clock.now().mono },
    flyingSince: () => since,
    onProgress: (now) => progress.set(name, now),
    tell: () => told.push(`${clock.now().mono / 1000} ${name}`),
  });
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 10) {
      clock.advance(10_000);
      await settle();
    }
  };
  return { clock, watch, told, progress, stalls, pull, pass };
}

test('all layers count: what is there, what comes, and what has not begun', async () => {
  const store = new Store();
  const { watch, progress, pull } = setUp(store);
  using _ = watch.watch(pull('p'));
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 40, total: 100, startedAt: 1000, updatedAt: 2000 }];
  store.blobs.add(digest(1));
  await watch.refresh();
  expect(progress.get('p')).toMatchObject({ offset: 140, total: 300, present: 1, of: 3, bytesPerSecond: 40 });
  // Its manifest is read once, a layer that is there is not asked for again, and a transfer of somebody else does not count.
  store.asked.length = 0;
  store.transfers = [{ ref: `layer-${digest(9)}`, offset: 5, total: 5 }];
  store.blobs.add(digest(2)).add(digest(3));
  await watch.refresh();
  expect(progress.get('p')).toMatchObject({ offset: 300, total: 300, present: 3, of: 3 });
  await watch.refresh();
  expect(store.asked).toEqual(['transfers', 'list 2', 'transfers']);
});

test('a registry that sends more than it announced: no more counts than the layer is long', async () => {
  const store = new Store();
  const { watch, progress, pull } = setUp(store);
  using _ = watch.watch(pull('p'));
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 1e9, total: 100 }];
  await watch.refresh();
  expect(progress.get('p')).toMatchObject({ offset: 100, total: 300 });
});

test('while the manifest is not known, or cannot be used, all transfers are told as one', async () => {
  const store = new Store();
  const { watch, progress, pull } = setUp(store);
  using _ = watch.watch(pull('p'));
  store.manifest = 'nonsense';
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 40, total: 100 }];
  await watch.refresh();
  expect(progress.get('p')).toEqual({ offset: 40, total: 100, parts: 1, shared: false });
  await watch.refresh();
  expect(store.asked.filter((one) => one === 'read')).toHaveLength(1);
});

test('a manifest that is too long to be read is looked for once, and never read', async () => {
  const store = new Store();
  const { watch, progress, pull } = setUp(store);
  using _ = watch.watch(pull('p'));
  store.manifestBytes = 256 * 1024 + 1;
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 40, total: 100 }];
  for (let i = 0; i < 3; i++) await watch.refresh();
  expect(progress.get('p')).toEqual({ offset: 40, total: 100, parts: 1, shared: false });
  expect(store.asked.filter((one) => one !== 'transfers')).toEqual(['list 1']);
});

test('a registry that does not answer does not show what comes from others', async () => {
  const store = new Store();
  const { watch, progress, pull } = setUp(store);
  using _ = watch.watch(pull('p'));
  using __ = watch.watch(pull('q', 'silent.io/app:1'));
  store.listContent = async (filters) =>
    filters[0]!.includes('silent') ? [] : Store.prototype.listContent.call(store, filters);
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 40, total: 100 }];
  await watch.refresh();
  expect(progress.get('p')).toMatchObject({ offset: 40, total: 300 });
  expect(progress.get('q')).toMatchObject({ offset: 0, total: 0 });
});

test('a manifest that cannot be used does not count as a stall', async () => {
  const store = new Store();
  store.manifest = 'nonsense';
  const { watch, stalls, pull, pass } = setUp(store);
  using _ = watch.watch(pull('p'));
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 40, total: 100 }];
  await pass(100);
  expect(stalls.get('r.io/app:1')).toBe(false);
});

test('who takes long is told of after 10 s, then ever less often, and no more when it is over', async () => {
  const { clock, watch, told, pull, pass } = setUp();
  const one = watch.watch(pull('p'));
  await pass(300);
  expect(told).toEqual(['10 p', '30 p', '70 p', '130 p', '190 p', '250 p']);
  one[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  await pass(100);
  expect(told).toHaveLength(6);
});

test('a pull that is over in time, or has not begun, costs no call', async () => {
  const store = new Store();
  const { watch, told, pull, pass } = setUp(store);
  watch.watch(pull('p'))[Symbol.dispose]();
  using _ = watch.watch({ ...pull('queued'), flyingSince: () => undefined });
  await pass(60);
  expect([told, store.asked]).toEqual([[], []]);
});

test('a hundred Pods that wait for one image: one Event a second on average, and everybody has a turn', async () => {
  const store = new Store();
  const { watch, told, pull, pass } = setUp(store);
  for (let i = 0; i < 100; i++) watch.watch(pull(`p${i}`));
  await pass(100);
  expect(told.length).toBeLessThanOrEqual(110);
  expect(new Set(told.map((line) => line.split(' ')[1])).size).toBe(100);
  // The image is looked at once for all of them.
  expect(store.asked.filter((one) => one === 'transfers').length).toBeLessThanOrEqual(10);
});

test.each([
  ['has no content service', Object.assign(new Store(), { fails: unimplemented() })],
  ['has never heard of one', {}],
])('a runtime that %s: it is told once, and not asked again', async (_what, service) => {
  const { watch, told, progress, pull, pass } = setUp(service);
  using _ = watch.watch(pull('p'));
  await pass(300);
  expect([progress.get('p'), told]).toEqual(['untold', ['10 p']]);
  if (service instanceof Store) expect(service.asked).toEqual(['transfers']);
});

test('a runtime that does not answer is asked again', async () => {
  const store = new Store();
  store.fails = new CriError('ListStatuses', { code: 4, details: '' });
  const { watch, progress, pull, pass } = setUp(store);
  using _ = watch.watch(pull('p'));
  await pass(10);
  expect(progress.size).toBe(0);
  store.fails = undefined;
  store.transfers = [{ offset: 1, total: 2 }];
  await watch.refresh();
  expect(progress.get('p')).toMatchObject({ offset: 1, total: 2 });
});

test('pulls that come and go while the runtime is asked leave one timer', async () => {
  const store = new Store();
  const { clock, watch, pull } = setUp(store);
  const first = watch.watch(pull('a'));
  clock.advance(10_000); // the question is under way
  first[Symbol.dispose]();
  const second = watch.watch(pull('b'));
  await settle();
  expect(clock.pending).toBe(1);
  second[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

test('a pull of which nothing comes is stalled after 30 s, and no longer than nothing comes', async () => {
  const store = new Store();
  const { clock, watch, stalls, pull, pass } = setUp(store);
  using _ = watch.watch(pull('p'));
  await pass(20);
  expect(stalls.get('r.io/app:1')).toBe(false);
  await pass(10); // its manifest has not come
  expect(stalls.get('r.io/app:1')).toBe(true);
  const wall = () => clock.now().wall;
  store.transfers = [{ ref: `layer-${digest(2)}`, offset: 40, total: 100, startedAt: wall(), updatedAt: wall() }];
  await pass(10);
  expect(stalls.get('r.io/app:1')).toBe(false);
  await pass(20); // since the last byte
  expect(stalls.get('r.io/app:1')).toBe(true);
  store.transfers = [];
  store.blobs.add(digest(1)).add(digest(2)).add(digest(3));
  await pass(60); // it is being unpacked
  expect(stalls.get('r.io/app:1')).toBe(false);
});
