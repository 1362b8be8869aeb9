import { untagged } from '../../k8s/imageReference.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { LruMap } from '../../lib/lru.ts';
import { NameQueue } from '../../lib/nameQueue.ts';
import { learn } from '../rules/mergeCredentials.ts';
import {
  decodeIntent,
  decodeRecord,
  encodeIntent,
  encodeRecord,
  type ImageCredentials,
  type PulledRecord,
} from '../rules/pullRecord.ts';
import { type RecordFiles, recordName } from './recordFiles.ts';

/** A longer record is read from the disk each time: with a full cache they take some MiB. */
const CACHED_BYTES = 16 * 1024;

export interface PullRecordsOptions {
  readonly files: RecordFiles;
  /** Records that memory holds at most. */
  readonly cacheSize: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Which images kubelet pulls and has pulled, and with whose credentials: ImagePullIntent and ImagePulledRecord as the Go kubelet keeps
 * them (KEP-2535), so that a node may go from one to the other. Everything is on the disk when a call resolves; the names of all files
 * and the records that were used last are in memory. For one process at a time: nobody else may write there meanwhile.
 */
export class PullRecords {
  readonly #files: RecordFiles;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lock = new NameQueue();
  readonly #intents: Set<string>;
  readonly #pulled: Set<string>;
  readonly #cache: LruMap<string, PulledRecord>;

  private constructor(options: PullRecordsOptions, intents: readonly string[], pulled: readonly string[]) {
    this.#files = options.files;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#cache = new LruMap(options.cacheSize);
    this.#intents = new Set(intents);
    this.#pulled = new Set(pulled);
  }

  /** Reads which records there are. Rejects with a system error. */
  static async open(options: PullRecordsOptions): Promise<PullRecords> {
    return new PullRecords(options, await options.files.list('pulling'), await options.files.list('pulled'));
  }

  /** How many records are on the disk, and in memory. */
  get size(): { readonly intents: number; readonly pulled: number; readonly cached: number } {
    return { intents: this.#intents.size, pulled: this.#pulled.size, cached: this.#cache.size };
  }

  /** Whether an intent to pull `image` (as the Pod names it) is on the disk. */
  hasIntent(image: string): boolean {
    return this.#intents.has(recordName(image));
  }

  /** What is known of an image, by the runtime's id. Rejects when it cannot be read: then nothing may be assumed. */
  async record(imageRef: string): Promise<PulledRecord | undefined> {
    const name = recordName(imageRef);
    if (!this.#pulled.has(name)) return undefined;
    const cached = this.#cache.get(name);
    if (cached) return cached;
    const text = await this.#files.read('pulled', name);
    if (text === undefined) return undefined;
    const { record } = decodeRecord(text);
    if (record.imageRef !== imageRef) return undefined;
    this.#keep(name, record, text);
    return record;
  }

  /** Writes down that `image` is about to be pulled, unless that stands there already. */
  writeIntent(image: string): Promise<void> {
    const name = recordName(image);
    return this.#lock.run(name, async () => {
      if (this.#intents.has(name)) return;
      await this.#files.write('pulling', name, encodeIntent(image));
      this.#intents.add(name);
    });
  }

  removeIntent(image: string): Promise<void> {
    const name = recordName(image);
    return this.#lock.run(name, async () => {
      if (!this.#intents.has(name)) return;
      await this.#files.remove('pulling', name);
      this.#intents.delete(name);
    });
  }

  /** The images of all intents; unreadable ones are logged and stay. */
  async intents(): Promise<string[]> {
    const images: string[] = [];
    for (const name of [...this.#intents]) {
      try {
        const text = await this.#files.read('pulling', name);
        if (text === undefined) continue;
        const { image, isCurrent } = decodeIntent(text);
        if (!isCurrent) await this.#files.write('pulling', name, encodeIntent(image));
        images.push(image);
      } catch (error) {
        this.#log.warn('An intent to pull an image cannot be read', { file: name, error: errorMessage(error) });
      }
    }
    return images;
  }

  /**
   * Writes down that `image` was pulled as `imageRef` with these credentials; undefined: with unknown ones, so that the next one who wants
   * it has to show some. A record that cannot be read is replaced. Rejects when it cannot be written.
   */
  learn(image: string, imageRef: string, credentials: ImageCredentials | undefined): Promise<void> {
    const bare = untagged(image);
    if ('error' in bare) return Promise.reject(new Error(`invalid image name: ${bare.error}`));
    const name = recordName(imageRef);
    return this.#lock.run(name, async () => {
      const before = await this.record(imageRef).catch((error) => {
        this.#log.warn('The record of a pulled image cannot be read and is begun anew', {
          imageRef,
          error: errorMessage(error),
        });
        return undefined;
      });
      const record = learn(before, imageRef, bare.name, credentials, this.#clock.now().wall);
      if (record === before) return;
      const text = encodeRecord(record);
      await this.#files.write('pulled', name, text);
      this.#pulled.add(name);
      this.#keep(name, record, text);
    });
  }

  /**
   * Removes the records of images that the runtime does not have any more: `present` are the ids of all that it had at some moment after
   * `until` (wall ms). Records of other versions are written anew on the way.
   */
  async prune(present: ReadonlySet<string>, until: number): Promise<void> {
    for (const name of [...this.#pulled]) {
      await this.#lock
        .run(name, () => this.#pruneOne(name, present, until))
        .catch((error) => {
          this.#log.warn('The record of a pulled image cannot be looked after', {
            file: name,
            error: errorMessage(error),
          });
        });
    }
  }

  async #pruneOne(name: string, present: ReadonlySet<string>, until: number): Promise<void> {
    const cached = this.#cache.get(name);
    const text = cached ? undefined : await this.#files.read('pulled', name);
    if (!cached && text === undefined) return;
    const { record, isCurrent } = cached ? { record: cached, isCurrent: true } : decodeRecord(text!);
    // A file tells the second only.
    if (record.lastUpdated + 1000 <= until && !present.has(record.imageRef)) {
      await this.#files.remove('pulled', name);
      this.#pulled.delete(name);
      this.#cache.delete(name);
    } else if (!isCurrent) await this.#files.write('pulled', name, encodeRecord(record));
  }

  #keep(name: string, record: PulledRecord, text: string): void {
    if (text.length <= CACHED_BYTES) this.#cache.set(name, record);
    else this.#cache.delete(name);
  }
}
