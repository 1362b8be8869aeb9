import type { ContainerOut, ImageOut } from '../../cri/generated/runtime.ts';
import { namesOf } from './imageUse.ts';

/** When images go. Ages are milliseconds. */
export interface ImageGcPolicy {
  /** Disk usage, in percent, from which on space is freed, and down to which. */
  readonly highPercent: number;
  readonly lowPercent: number;
  /** An image that was detected less than this ago stays when space is freed. */
  readonly minAgeMs: number;
  /** An image that nobody has used for longer than this goes however much space there is; 0: none does. */
  readonly maxAgeMs: number;
  /** RuntimeClassInImageCriApi: the same image pulled for another runtime handler is an image of its own. */
  readonly perHandler: boolean;
}

/** What is remembered of an image while the runtime holds it. Times are monotonic milliseconds. */
export interface ImageRecord {
  readonly key: string;
  readonly id: string;
  readonly runtimeHandler: string;
  readonly names: readonly string[];
  readonly firstDetected: number;
  /** Absent: nobody has used it since this process started. */
  readonly lastUsed?: number;
  readonly size: number;
  readonly pinned: boolean;
}

export type ImageRecords = ReadonlyMap<string, ImageRecord>;

/** What an image is remembered under. */
export function imageKey(id: string, runtimeHandler: string, perHandler: boolean): string {
  return perHandler && runtimeHandler !== '' ? `${id},${runtimeHandler}` : id;
}

/** Keys of the images that containers have. */
export function keysInContainers(
  containers: readonly Pick<ContainerOut, 'imageId' | 'imageRef' | 'image'>[],
  perHandler: boolean,
): Set<string> {
  const key = (c: (typeof containers)[number]) =>
    imageKey(c.imageId || c.imageRef, c.image?.runtimeHandler ?? '', perHandler);
  return new Set(containers.map(key));
}

/**
 * The records after a look at the runtime: images that are new were detected now, or at their time in `told` (by id), when a Pod had been
 * given them; those in use were used now, those that are gone are forgotten. Nothing of it outlives the process, as in kubelet: after a restart every image was detected at the start.
 */
export function detectImages(
  before: ImageRecords,
  images: readonly ImageOut[],
  inUse: (key: string, names: readonly string[]) => boolean,
  perHandler: boolean,
  now: number,
  told: ReadonlyMap<string, number> = new Map(),
): ImageRecords {
  const records = new Map<string, ImageRecord>();
  for (const image of images) {
    const runtimeHandler = image.spec?.runtimeHandler ?? '';
    const key = imageKey(image.id, runtimeHandler, perHandler);
    const names = namesOf(image);
    const old = before.get(key);
    const since = told.get(image.id);
    const lastUsed = inUse(key, names) ? now : old ? old.lastUsed : since;
    records.set(key, {
      ...{ key, id: image.id, runtimeHandler, names, pinned: image.pinned },
      firstDetected: old?.firstDetected ?? since ?? now,
      ...(lastUsed === undefined ? {} : { lastUsed }),
      size: Number(image.size),
    });
  }
  return records;
}

/** The images that may go, in the order in which they go: unused the longest first, then detected the longest ago. */
export function evictionOrder(records: ImageRecords, now: number): ImageRecord[] {
  const candidates = [...records.values()].filter(({ pinned, lastUsed }) => !pinned && lastUsed !== now);
  const used = ({ lastUsed }: ImageRecord) => lastUsed ?? Number.NEGATIVE_INFINITY;
  const detected = (a: ImageRecord, b: ImageRecord) => a.firstDetected - b.firstDetected;
  return candidates.sort((a, b) => (used(a) === used(b) ? detected(a, b) : used(a) < used(b) ? -1 : 1));
}

/**
 * Nobody has used it for longer than the maximum age. One that was never used counts from when it was detected; nothing is too old
 * before this process has watched for that long, because what was used before it started is not known.
 */
export function isTooOld({ lastUsed, firstDetected }: ImageRecord, policy: ImageGcPolicy, now: number, began: number) {
  const { maxAgeMs } = policy;
  return maxAgeMs > 0 && now - began > maxAgeMs && now - (lastUsed ?? firstDetected) > maxAgeMs;
}

/** Old enough to go for its space. */
export function isOldEnough({ firstDetected }: ImageRecord, { minAgeMs }: ImageGcPolicy, now: number): boolean {
  return now - firstDetected >= minAgeMs;
}

/** Whether images are collected by themselves at all; on demand they are in any case. */
export function collectsByItself({ highPercent, maxAgeMs }: ImageGcPolicy): boolean {
  return highPercent < 100 || maxAgeMs > 0;
}

/** The disk that holds the images, in bytes. */
export interface Disk {
  readonly capacityBytes: number;
  readonly availableBytes: number;
}

/** What has to be freed of a disk; undefined: nothing. */
export interface Excess {
  readonly usagePercent: number;
  readonly bytesToFree: number;
}

/** Integer arithmetic, as kubelet's: the percentage is rounded up, for what is available is rounded down. Not for a capacity of 0. */
export function excess(disk: Disk, { highPercent, lowPercent }: ImageGcPolicy): Excess | undefined {
  const capacity = BigInt(Math.trunc(disk.capacityBytes));
  const available = BigInt(Math.trunc(Math.min(disk.availableBytes, disk.capacityBytes)));
  const usagePercent = 100 - Number((available * 100n) / capacity);
  if (usagePercent < highPercent) return undefined;
  return { usagePercent, bytesToFree: Number((capacity * BigInt(100 - lowPercent)) / 100n - available) };
}
