import { statfs } from 'node:fs/promises';
import type { Cri } from '../cri/client.ts';
import type { NodeEvent } from '../events/event.ts';
import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodTable } from '../pods/table.ts';
import { type Tracing, traced } from '../tracing/spans.ts';
import type { ImageManager } from './imageManager.ts';
import { containerImages, type ImagesInUse } from './imagesInUse.ts';
import {
  collectsByItself,
  type Disk,
  detectImages,
  evictionOrder,
  excess,
  type ImageGcPolicy,
  type ImageRecord,
  type ImageRecords,
  isOldEnough,
  isTooOld,
} from './rules/collectImages.ts';
import {
  aggregated,
  freeDiskSpaceFailedEvent,
  INVALID_CAPACITY,
  imageGcFailedEvent,
  invalidCapacityEvent,
  notEnoughFreed,
} from './rules/gcEvents.ts';
import { goDuration } from './rules/goDuration.ts';
import { namesInPods } from './rules/imageUse.ts';

/** An allowed poll (docs/architecture.md): kubelet's ImageGCPeriod. */
const PERIOD_MS = 5 * 60_000;

export interface ImageGcOptions {
  readonly policy: ImageGcPolicy;
  readonly cri: Pick<Cri, 'listImages' | 'listContainers' | 'containerStatus' | 'removeImage' | 'imageFsInfo'>;
  readonly table: Pick<PodTable, 'all'>;
  readonly images: Pick<ImageManager, 'facts' | 'withdraw' | 'onFact'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly recordEvent: (event: NodeEvent) => void;
  /** An image was removed. */
  readonly onRemoved: (reason: 'age' | 'space') => void;
  /** After a removal for space: the ids of the images that are left, and when this collection began (wall ms). */
  readonly onCollected?: (left: readonly string[], beganWall: number) => void;
  /** The file system at a path; undefined if it cannot be measured. The machine's by default. */
  readonly disk?: (path: string) => Promise<Disk | undefined>;
  readonly tracing?: Tracing | undefined;
}

/** What was removed. Bytes are the images' own sizes: layers that others share are counted with each. */
export interface FreedImages {
  readonly images: number;
  readonly bytes: number;
}

/**
 * Removes images that nobody uses: every five minutes those that are too old, and more when the disk is too full; on demand all that
 * are old enough. One collection at a time. An image of a Pod that is being started or runs is never removed, nor one that a container has.
 */
export class ImageGc implements Disposable {
  readonly #options: ImageGcOptions;
  readonly #ended = new AbortController();
  readonly #began: number;
  #records: ImageRecords = new Map();
  #use: ImagesInUse | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #timer: Disposable | undefined;
  #facts: Disposable | undefined;
  /** When Pods were first given images that the records lack yet, by id: between two looks a disk can fill with them. */
  #told = new Map<string, number>();
  #failures = 0;
  #rounds = 0;

  constructor(options: ImageGcOptions) {
    this.#options = options;
    this.#began = options.clock.now().mono;
  }

  /** Looks at the images now, again when those found by then are old enough to go, and every five minutes from then on. */
  start(): void {
    const { images, clock } = this.#options;
    this.#facts = images.onFact((_uid, { present, imageId }) => {
      if (present === true && imageId !== undefined && !this.#told.has(imageId))
        this.#told.set(imageId, clock.now().mono);
    });
    void this.#round();
  }

  /**
   * Removes every image that nobody uses and that is older than the minimum age. Rejects, with what was freed until then gone, when the
   * runtime cannot be asked, an image cannot be removed, or the signal aborts.
   */
  deleteUnusedImages(signal?: AbortSignal): Promise<FreedImages> {
    return this.#alone(signal, async (ended) => {
      this.#options.log.info('Removing all unused images to free space');
      const now = await this.#detect(ended);
      return await this.#freeSpace(Number.POSITIVE_INFINITY, evictionOrder(this.#records, now), now, ended);
    });
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#timer?.[Symbol.dispose]();
    this.#facts?.[Symbol.dispose]();
  }

  async #round(): Promise<void> {
    const { clock, log, policy, recordEvent, tracing } = this.#options;
    try {
      await this.#alone(undefined, async (signal) => {
        if (collectsByItself(policy)) await traced(tracing, 'Images/GarbageCollect', () => this.#collect(signal));
        else await this.#detect(signal);
      });
      this.#failures = 0;
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      const message = errorMessage(error);
      this.#failures += 1;
      log.error('Unused images could not be collected; it is tried again', { error: message });
      // The first time the runtime may only not be up yet.
      if (this.#failures > 1) recordEvent(imageGcFailedEvent(message));
    }
    // Nothing that was found at the start is old enough then; a full disk need not wait for the next time.
    const first = this.#rounds++ === 0 ? Math.min(PERIOD_MS, policy.minAgeMs) : PERIOD_MS;
    if (!this.#ended.signal.aborted) this.#timer = clock.setTimer(first, () => void this.#round());
  }

  /** One after the other: two collections would remove the same images. */
  #alone<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const both = signal ? AbortSignal.any([signal, this.#ended.signal]) : this.#ended.signal;
    const run = this.#queue.then(() => {
      both.throwIfAborted();
      return work(both);
    });
    this.#queue = run.catch(() => undefined);
    return run;
  }

  /** Brings the records up to date. Returns the time that counts as now for what follows. */
  async #detect(signal: AbortSignal): Promise<number> {
    const { cri, clock, policy, table } = this.#options;
    const options = { signal };
    const asked = clock.now().mono;
    // Images first: what is pulled after this list cannot be removed by it.
    const images = await cri.listImages(undefined, options);
    const containers = await cri.listContainers(undefined, options);
    const use = await containerImages(cri, containers, table, policy.perHandler, signal);
    this.#use = use;
    const inPods = this.#inPods();
    const { mono } = clock.now();
    const inUse = (key: string, names: readonly string[]) =>
      use.keys.has(key) || names.some((name) => use.names.has(name) || inPods.has(name));
    this.#records = detectImages(this.#records, images, inUse, policy.perHandler, mono, this.#told);
    for (const { id } of images) this.#told.delete(id);
    // What was told while the runtime answered may not be in its list; what was told before and is not in it is gone, or has another id there.
    for (const [id, at] of this.#told) if (at < asked) this.#told.delete(id);
    return mono;
  }

  async #collect(signal: AbortSignal): Promise<void> {
    const { policy, recordEvent, log } = this.#options;
    const now = await this.#detect(signal);
    const left = await this.#freeOld(evictionOrder(this.#records, now), now, signal);
    const disk = await this.#disk(signal);
    if (disk.capacityBytes === 0) {
      recordEvent(invalidCapacityEvent());
      throw new Error(INVALID_CAPACITY);
    }
    const over = excess(disk, policy);
    if (!over) return;
    log.info('The disk of the images is fuller than the high threshold', {
      usagePercent: over.usagePercent,
      highPercent: policy.highPercent,
      lowPercent: policy.lowPercent,
      bytesToFree: over.bytesToFree,
    });
    const { bytes } = await this.#freeSpace(over.bytesToFree, left, now, signal);
    if (bytes >= over.bytesToFree) return;
    const message = notEnoughFreed(over, disk, bytes);
    recordEvent(freeDiskSpaceFailedEvent(message));
    throw new Error(message);
  }

  async #freeOld(candidates: readonly ImageRecord[], now: number, signal: AbortSignal): Promise<ImageRecord[]> {
    const { policy } = this.#options;
    const left: ImageRecord[] = [];
    const errors: string[] = [];
    for (const image of candidates) {
      if (!isTooOld(image, policy, now, this.#began)) left.push(image);
      else if (!(await this.#remove(image, 'age', errors, signal))) left.push(image);
    }
    if (errors.length > 0) {
      const age = goDuration(policy.maxAgeMs);
      throw new Error(
        `wanted to free images older than ${age}, encountered errors in image deletion: ${aggregated(errors)}`,
      );
    }
    return left;
  }

  async #freeSpace(
    bytesToFree: number,
    candidates: readonly ImageRecord[],
    now: number,
    signal: AbortSignal,
  ): Promise<FreedImages> {
    const { policy, clock, onCollected } = this.#options;
    const beganWall = clock.now().wall;
    const errors: string[] = [];
    let [images, bytes] = [0, 0];
    for (const image of candidates) {
      if (bytes >= bytesToFree) break;
      if (!isOldEnough(image, policy, now)) continue;
      if (!(await this.#remove(image, 'space', errors, signal))) continue;
      images += 1;
      bytes += image.size;
    }
    if (errors.length > 0) {
      const wanted = Number.isFinite(bytesToFree) ? bytesToFree : '9223372036854775807';
      const what = `wanted to free ${wanted} bytes, but freed ${bytes} bytes space with errors in image deletion`;
      throw new Error(`${what}: ${aggregated(errors)}`);
    }
    onCollected?.([...new Set([...this.#records.values()].map(({ id }) => id))], beganWall);
    return { images, bytes };
  }

  /** Returns whether it is gone. A Pod that came since the look keeps its image; what fails goes to `errors`. */
  async #remove(image: ImageRecord, reason: 'age' | 'space', errors: string[], signal: AbortSignal): Promise<boolean> {
    const { cri, images, policy, log, onRemoved } = this.#options;
    signal.throwIfAborted();
    const inPods = this.#inPods();
    if (image.names.some((name) => inPods.has(name))) return false;
    const spec = { image: image.id, ...(policy.perHandler && { runtimeHandler: image.runtimeHandler }) };
    try {
      // Not with the signal: whether a removal that is left to itself happens is unknown, and somebody may wait for the image.
      await images.withdraw(image.names, () => cri.removeImage(spec));
    } catch (error) {
      errors.push(errorMessage(error));
      return false;
    }
    const { key, id, size } = image;
    log.info('Removed an unused image', { image: id, names: image.names.slice(1, 4).join(', '), size, reason });
    const records = new Map(this.#records);
    records.delete(key);
    this.#records = records;
    onRemoved(reason);
    return true;
  }

  /** What the Pods of the node want at this moment; a Pod enters the table before it asks for its images. */
  #inPods(): Set<string> {
    const { table, images } = this.#options;
    const withContainers = this.#use?.pods;
    return namesInPods(
      table.all(),
      (uid) => images.facts(uid),
      (uid) => withContainers?.has(uid) ?? true,
    );
  }

  async #disk(signal: AbortSignal): Promise<Disk> {
    const { cri, disk = fileSystem } = this.#options;
    const { imageFilesystems } = await cri.imageFsInfo({ signal });
    const mountpoint = imageFilesystems[0]?.fsId?.mountpoint;
    if (mountpoint === undefined) throw new Error('imageFs information is unavailable');
    const found = await disk(mountpoint);
    if (!found) throw new Error(`failed to get the file system of images at ${mountpoint}`);
    return found;
  }
}

async function fileSystem(path: string): Promise<Disk | undefined> {
  try {
    const { blocks, bavail, bsize } = await statfs(path);
    return { capacityBytes: blocks * bsize, availableBytes: bavail * bsize };
  } catch {
    return undefined;
  }
}
