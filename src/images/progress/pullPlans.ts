import { parseImageName } from '../rules/imageName.ts';
import {
  blobsOf,
  findManifest,
  type ImagePart,
  MAX_MANIFEST_BYTES,
  manifestsOf,
  partsOf,
  type StoredBlob,
} from '../rules/imageParts.ts';
import { digestOf, summarizeImage, type Transfer } from '../rules/progress.ts';
import type { PullProgress } from '../types.ts';

/** What is asked of containerd's content store; `Cri` satisfies it. */
export interface ContentStore {
  listContent(filters: readonly string[], options?: { timeoutMs?: number }): Promise<readonly StoredBlob[]>;
  readContent(digest: string, size: number, options?: { timeoutMs?: number }): Promise<Buffer>;
}

interface Plan {
  readonly parts: readonly ImagePart[];
  /** Digests of layers that are there, whole. */
  readonly present: Set<string>;
}

/**
 * Which layers the images consist of that are being pulled: transfers alone tell neither what has come already nor what is still to
 * begin. An image's manifest is found in the content store by a layer that is being fetched, and read once.
 */
export class PullPlans {
  readonly #store: ContentStore;
  /** null: its manifest is there, and of no use. */
  readonly #plans = new Map<string, Plan | null>();

  constructor(store: ContentStore) {
    this.#store = store;
  }

  /** Forgets images that are not pulled any more. */
  keep(images: ReadonlySet<string>): void {
    for (const image of this.#plans.keys()) if (!images.has(image)) this.#plans.delete(image);
  }

  /** Whether an image's manifest is there. */
  has(image: string): boolean {
    return this.#plans.has(image);
  }

  /** The transfers that are of none of the images whose layers are known. */
  othersOf(transfers: readonly Transfer[]): readonly Transfer[] {
    const known = new Set([...this.#plans.values()].flatMap((plan) => plan?.parts.map(({ digest }) => digest) ?? []));
    return transfers.filter((one) => !known.has(digestOf(one) ?? ''));
  }

  /** undefined: its manifest is not known yet. Rejects as the store does. `now`: wall ms. */
  async progressOf(
    image: string,
    transfers: readonly Transfer[],
    now: number,
    options: { timeoutMs: number },
  ): Promise<PullProgress | undefined> {
    const coming = new Set(transfers.flatMap((one) => digestOf(one) ?? []));
    const known = this.#plans.get(image);
    const plan = known === undefined ? await this.#find(image, coming, options) : known;
    if (!plan) return undefined;
    const { parts, present } = plan;
    const open = parts.filter(({ digest }) => !present.has(digest) && !coming.has(digest));
    if (open.length > 0) {
      const found = await this.#store.listContent(blobsOf(open.map(({ digest }) => digest)), options);
      for (const { digest } of found) present.add(digest);
    }
    return summarizeImage(parts, present, transfers, now);
  }

  async #find(
    image: string,
    coming: ReadonlySet<string>,
    options: { timeoutMs: number },
  ): Promise<Plan | null | undefined> {
    const name = parseImageName(image);
    if (coming.size === 0 || 'error' in name) return undefined;
    const blobs = await this.#store.listContent([manifestsOf(name.repository)], options);
    const manifest = findManifest(blobs, coming);
    if (!manifest) return undefined;
    const isReadable = manifest.size <= MAX_MANIFEST_BYTES;
    const text = isReadable && (await this.#store.readContent(manifest.digest, manifest.size, options));
    const parts = text ? partsOf(text.toString('utf8')) : undefined;
    const plan = parts ? { parts, present: new Set<string>() } : null;
    this.#plans.set(image, plan);
    return plan;
  }
}
