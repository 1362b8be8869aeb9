import { status } from '@grpc/grpc-js';
import { CriError } from '../cri/error.ts';
import type { ContainerOut, ContainerStatusResponseOut, ImageOut } from '../cri/generated/runtime.ts';
import type { NodeEvent } from '../events/event.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import type { Logger } from '../lib/logger.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { PodTable } from '../pods/table.ts';
import { TestOwner } from '../pods/testing/owner.ts';
import type { Pod } from '../types/k8s.ts';
import { ImageGc, type ImageGcOptions } from './imageGc.ts';
import { ImageManager } from './imageManager.ts';
import type { ImageGcPolicy } from './rules/collectImages.ts';

const MINUTE = 60_000;

/** The image side of a runtime, with its containers. */
class Runtime {
  images: ImageOut[] = [];
  containers: ContainerOut[] = [];
  mounts: Record<string, string[]> = {};
  readonly removed: string[] = [];
  readonly asked: string[] = [];
  problems: Record<string, Error> = {};
  capacityBytes = 1000;
  availableBytes = 500;
  /** Holds removals until it resolves. */
  held: Promise<void> | undefined;

  add(id: string, size = 100, more: Partial<ImageOut> = {}): void {
    const tags = { repoTags: [`docker.io/library/${id}:latest`], repoDigests: [] };
    this.images.push({ id, ...tags, size: `${size}`, uid: null, username: '', spec: null, pinned: false, ...more });
  }

  use(id: string, podUid: string): void {
    const labels = { 'io.kubernetes.pod.uid': podUid };
    const blank = { podSandboxId: 's', metadata: null, image: null, createdAt: '0', annotations: {} };
    this.containers.push({
      ...blank,
      ...{ id: `c-${id}`, imageRef: id, imageId: id, labels },
      state: 'CONTAINER_EXITED',
    });
  }

  listImages = async () => this.#answer('listImages', [...this.images]);
  listContainers = async () => this.#answer('listContainers', [...this.containers]);
  imageFsInfo = async () =>
    this.#answer('imageFsInfo', {
      imageFilesystems: [{ timestamp: '0', fsId: { mountpoint: '/images' }, usedBytes: null, inodesUsed: null }],
      containerFilesystems: [],
    });
  containerStatus = async (id: string) => {
    this.asked.push(id);
    const mounts = (this.mounts[id] ?? []).map((image) => ({ image: { image } }));
    return this.#answer('containerStatus', { status: { mounts } } as unknown as ContainerStatusResponseOut);
  };
  removeImage = async ({ image = '' }: { image?: string }) => {
    await this.held;
    this.#answer(`remove ${image}`, undefined);
    this.images = this.images.filter(({ id }) => id !== image);
    this.removed.push(image);
  };
  imageStatus = async ({ image }: { image?: string }) => {
    const found = this.images.find(
      ({ id, repoTags }) => id === image || repoTags.includes(`docker.io/library/${image}`),
    );
    return { image: found ?? null };
  };
  pullImage = async () => 'pulled';

  #answer<T>(call: string, value: T): T {
    const problem = this.problems[call];
    if (problem) throw problem;
    return value;
  }
}

interface Given {
  readonly policy?: Partial<ImageGcPolicy>;
  readonly onCollected?: ImageGcOptions['onCollected'];
}

function setUp({ policy = {}, onCollected }: Given = {}) {
  const clock = new ManualClock();
  const runtime = new Runtime();
  const table = new PodTable();
  const images = new ImageManager(runtime, clock);
  const events: NodeEvent[] = [];
  const counted: string[] = [];
  const nothing = () => undefined;
  const gc = new ImageGc({
    policy: { highPercent: 85, lowPercent: 80, minAgeMs: 2 * MINUTE, maxAgeMs: 0, perHandler: false, ...policy },
    cri: runtime,
    ...{ table, images, clock },
    log: { info: nothing, warn: nothing, error: nothing, debug: nothing } as unknown as Logger,
    recordEvent: (event) => events.push(event),
    onRemoved: (reason) => counted.push(reason),
    disk: async () => ({ capacityBytes: runtime.capacityBytes, availableBytes: runtime.availableBytes }),
    ...(onCollected && { onCollected }),
  });
  return { clock, runtime, table, images, events, counted, gc };
}

function podOf(image: string, more: Pod['spec'] = { containers: [] }): Pod {
  return { metadata: { name: 'p', uid: 'u' }, spec: { ...more, containers: [{ name: 'c', image }] } };
}

test('a full disk: the images unused for the longest go until the low threshold, used, pinned and young ones stay', async () => {
  const { runtime, clock, gc, counted, events } = setUp();
  using _ = gc;
  for (const id of ['old', 'older', 'used']) runtime.add(id, 60);
  runtime.add('pinned', 100, { pinned: true });
  runtime.use('used', 'gone');
  gc.start();
  await clock.advanceAsync(6 * MINUTE);
  runtime.add('spare', 60);
  runtime.availableBytes = 140;
  await clock.advanceAsync(MINUTE);
  expect(runtime.removed).toEqual(['old']);
  expect(counted).toEqual(['space']);
  expect(events).toEqual([]);
});

test('below the high threshold nothing is removed, whatever nobody uses', async () => {
  const { runtime, clock, gc } = setUp();
  using _ = gc;
  runtime.add('old');
  gc.start();
  await clock.advanceAsync(60 * MINUTE);
  expect(runtime.removed).toEqual([]);
});

test('an image that a Pod was given after the last look counts from then: short of disk, it goes', async () => {
  const { runtime, clock, gc, images } = setUp();
  using _ = gc;
  gc.start();
  await clock.advanceAsync(3 * MINUTE);
  runtime.add('given');
  runtime.add('pulled-by-others');
  await images.check({ podUid: 'gone', image: 'given:latest' });
  await clock.advanceAsync(2 * MINUTE - 1);
  expect((await gc.deleteUnusedImages()).images).toBe(0);
  await clock.advanceAsync(1);
  expect((await gc.deleteUnusedImages()).images).toBe(1);
  expect(runtime.removed).toEqual(['given']);
});

test('what a Pod was given and was gone at the next look is forgotten: when it comes again it is new', async () => {
  const { runtime, clock, gc, images } = setUp();
  using _ = gc;
  gc.start();
  await clock.advanceAsync(3 * MINUTE);
  runtime.add('given');
  await images.check({ podUid: 'gone', image: 'given:latest' });
  const { images: given } = runtime;
  runtime.images = [];
  await clock.advanceAsync(MINUTE);
  await gc.deleteUnusedImages();
  runtime.images = given;
  await clock.advanceAsync(MINUTE);
  expect((await gc.deleteUnusedImages()).images).toBe(0);
  await clock.advanceAsync(2 * MINUTE);
  expect((await gc.deleteUnusedImages()).images).toBe(1);
});

test('after a start on a full disk, what was found goes as soon as it is old enough', async () => {
  const { runtime, clock, gc } = setUp();
  using _ = gc;
  runtime.add('old', 200);
  runtime.availableBytes = 100;
  gc.start();
  await clock.advanceAsync(2 * MINUTE - 1);
  expect(runtime.removed).toEqual([]);
  await clock.advanceAsync(1);
  expect(runtime.removed).toEqual(['old']);
});

test('what cannot be freed is told at once, and a second failure as ImageGCFailed', async () => {
  const { runtime, clock, gc, events } = setUp();
  using _ = gc;
  runtime.availableBytes = 100;
  gc.start();
  await clock.advanceAsync(0);
  expect(events.map(({ reason }) => reason)).toEqual(['FreeDiskSpaceFailed']);
  await clock.advanceAsync(5 * MINUTE);
  expect(events.map(({ reason }) => reason)).toEqual(['FreeDiskSpaceFailed', 'FreeDiskSpaceFailed', 'ImageGCFailed']);
  expect(events[2]).toEqual({ type: 'Warning', reason: 'ImageGCFailed', message: events[1]!.message });
  expect(events[0]!.message).toMatch(/^Insufficient free disk space .*\(90% of 1000 B used\).*\(freed 0 bytes\)/);
  runtime.availableBytes = 500;
  await clock.advanceAsync(5 * MINUTE);
  runtime.availableBytes = 100;
  await clock.advanceAsync(5 * MINUTE);
  expect(events.filter(({ reason }) => reason === 'ImageGCFailed')).toHaveLength(1);
});

test('a disk without a size is told', async () => {
  const { runtime, clock, gc, events } = setUp();
  using _ = gc;
  runtime.capacityBytes = 0;
  gc.start();
  await clock.advanceAsync(0);
  expect(events).toEqual([
    { type: 'Warning', reason: 'InvalidDiskCapacity', message: 'invalid capacity 0 on image filesystem' },
  ]);
});

test('the maximum age: unused images go without any shortage, but not before the process has watched for that long', async () => {
  const { runtime, clock, gc, counted } = setUp({ policy: { highPercent: 100, maxAgeMs: 12 * MINUTE } });
  using _ = gc;
  runtime.add('old');
  runtime.add('used');
  runtime.use('used', 'gone');
  gc.start();
  await clock.advanceAsync(16 * MINUTE);
  expect(runtime.removed).toEqual([]);
  await clock.advanceAsync(MINUTE);
  expect(runtime.removed).toEqual(['old']);
  expect(counted).toEqual(['age']);
});

describe('on demand', () => {
  test('everything unused goes that is older than the minimum age; what is left is told', async () => {
    const told: (readonly string[])[] = [];
    const { runtime, clock, gc } = setUp({ onCollected: (left) => told.push(left) });
    using _ = gc;
    runtime.add('old', 30);
    runtime.add('used');
    runtime.use('used', 'gone');
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    runtime.add('young');
    expect(await gc.deleteUnusedImages()).toEqual({ images: 1, bytes: 30 });
    expect(runtime.removed).toEqual(['old']);
    expect(told).toEqual([['used', 'young']]);
  });

  test('what cannot be removed keeps nothing else, and is told', async () => {
    const { runtime, clock, gc } = setUp();
    using _ = gc;
    runtime.add('bad');
    runtime.add('good', 7);
    runtime.problems['remove bad'] = new CriError('RemoveImage', { code: status.INTERNAL, details: 'read-only' });
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    await expect(gc.deleteUnusedImages()).rejects.toThrow(
      /^wanted to free 9223372036854775807 bytes, but freed 7 bytes space with errors in image deletion: .*read-only$/,
    );
    expect(runtime.removed).toEqual(['good']);
  });

  test('an abort ends it between two images', async () => {
    const { runtime, clock, gc } = setUp();
    using _ = gc;
    const ended = new AbortController();
    for (const id of ['a', 'b']) runtime.add(id);
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    const hold = Promise.withResolvers<void>();
    runtime.held = hold.promise;
    const run = gc.deleteUnusedImages(ended.signal);
    await clock.advanceAsync(0);
    ended.abort(new Error('no time left'));
    hold.resolve();
    await expect(run).rejects.toThrow('no time left');
    expect(runtime.removed).toEqual(['a']);
  });
});

describe('an image that a Pod is about to use', () => {
  test('stays between its pull and its container', async () => {
    const { runtime, clock, gc, table } = setUp();
    using _ = gc;
    runtime.add('app');
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    new TestOwner(table, { pod: allocatedAsAsked(podOf('app')), phase: 'Admitting' });
    expect(await gc.deleteUnusedImages()).toEqual({ images: 0, bytes: 0 });
    expect(runtime.removed).toEqual([]);
  });

  test('stays when the Pod comes after the runtime was looked at', async () => {
    const { runtime, clock, gc, table } = setUp();
    using _ = gc;
    runtime.add('first');
    runtime.add('app');
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    const hold = Promise.withResolvers<void>();
    runtime.held = hold.promise;
    const run = gc.deleteUnusedImages();
    await clock.advanceAsync(0);
    new TestOwner(table, { pod: allocatedAsAsked(podOf('app')), phase: 'Active' });
    hold.resolve();
    await run;
    expect(runtime.removed).toEqual(['first']);
  });

  test('is not said to be there while it is being removed', async () => {
    const { runtime, clock, gc, table, images } = setUp();
    using _ = gc;
    runtime.add('app');
    runtime.add('other');
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    const hold = Promise.withResolvers<void>();
    runtime.held = hold.promise;
    const run = gc.deleteUnusedImages();
    await clock.advanceAsync(0);
    new TestOwner(table, { pod: allocatedAsAsked(podOf('app')), phase: 'Active' });
    const app = images.check({ podUid: 'u', image: 'app' });
    expect(await images.check({ podUid: 'u', image: 'other' })).toMatchObject({ present: true });
    hold.resolve();
    expect(await app).toMatchObject({ present: false });
    await run;
  });

  test('an image volume stays as long as a container of its Pod is there, that of an unknown Pod too', async () => {
    const { runtime, clock, gc, table } = setUp();
    using _ = gc;
    for (const id of ['data', 'alien']) runtime.add(id);
    const volumes = [{ name: 'v', image: { reference: 'data' } }];
    new TestOwner(table, {
      uid: 'ends',
      pod: allocatedAsAsked(podOf('x', { containers: [], volumes })),
      phase: 'Terminating',
    });
    runtime.use('x', 'ends');
    runtime.use('y', 'unknown');
    runtime.mounts['c-y'] = ['alien'];
    gc.start();
    await clock.advanceAsync(2 * MINUTE);
    await gc.deleteUnusedImages();
    expect(runtime.removed).toEqual([]);
    expect(new Set(runtime.asked)).toEqual(new Set(['c-y']));
    runtime.containers = [];
    await clock.advanceAsync(1);
    await gc.deleteUnusedImages();
    expect(runtime.removed).toEqual(['data', 'alien']);
  });
});

test('collections do not overlap', async () => {
  const { runtime, clock, gc } = setUp();
  using _ = gc;
  runtime.add('a');
  gc.start();
  await clock.advanceAsync(2 * MINUTE);
  const both = await Promise.all([gc.deleteUnusedImages(), gc.deleteUnusedImages()]);
  expect(both.map(({ images }) => images)).toEqual([1, 0]);
  expect(runtime.removed).toEqual(['a']);
});
