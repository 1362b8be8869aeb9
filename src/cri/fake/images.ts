// Images of the fake runtime, and pulls that take time or fail.
import { status } from '@grpc/grpc-js';
import type { Image } from '../generated/runtime.ts';
import type { ImageHandlers } from './handlers.ts';
import type { World } from './world.ts';
import { FakeError } from './world.ts';

export interface FakeImage {
  /** The names it is found by: tags, digests; its id too. */
  names: string[];
  id: string;
  sizeBytes: number;
  uid?: number;
  username?: string;
  pinned?: boolean;
}
/** What happens when an image is pulled that the fake does not hold yet. */
export interface FakePull {
  delayMs?: number;
  sizeBytes?: number;
  error?: { code: status; message: string };
  uid?: number;
  username?: string;
}
interface Transfer {
  ref: string;
  startMono: number;
  delayMs: number;
  total: number;
}

/** The image store. Every name can be pulled unless `onPull` says otherwise. */
export class FakeImages {
  readonly #world: World;
  readonly #held = new Map<string, FakeImage>();
  readonly #pulls = new Map<string, FakePull>();
  readonly #transfers = new Set<Transfer>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Puts an image into the store as if it had been pulled; returns it. */
  add(name: string, more: Partial<FakeImage> = {}): FakeImage {
    const id = more.id ?? `sha256:${Buffer.from(name).toString('hex').slice(0, 64).padEnd(64, '0')}`;
    const image: FakeImage = { names: [name], sizeBytes: 1_000_000, ...more, id };
    this.#held.set(id, image);
    return image;
  }

  onPull(name: string, pull: FakePull): void {
    this.#pulls.set(name, pull);
  }

  has(nameOrId: string): boolean {
    return this.find(nameOrId) !== undefined;
  }

  find(nameOrId: string): FakeImage | undefined {
    for (const image of this.#held.values()) {
      if (image.id === nameOrId || image.names.includes(nameOrId)) return image;
    }
    return undefined;
  }

  /** Pulls under way, as containerd's content store lists them. */
  transfers(): { ref: string; offset: number; total: number }[] {
    const now = this.#world.clock.now().mono;
    return [...this.#transfers].map(({ ref, startMono, delayMs, total }) => ({
      ref,
      total,
      offset: Math.min(total, Math.floor((total * (now - startMono)) / Math.max(delayMs, 1))),
    }));
  }

  async pull(name: string, signal: AbortSignal): Promise<FakeImage> {
    const plan = this.#pulls.get(name) ?? {};
    if (plan.delayMs) await this.#transfer(name, plan, signal);
    if (plan.error) throw new FakeError(plan.error.code, plan.error.message);
    const { sizeBytes = 1_000_000, uid, username } = plan;
    const more = { sizeBytes, ...(uid !== undefined && { uid }), ...(username !== undefined && { username }) };
    return this.find(name) ?? this.add(name, more);
  }

  async #transfer(name: string, plan: FakePull, signal: AbortSignal): Promise<void> {
    const startMono = this.#world.clock.now().mono;
    const delayMs = plan.delayMs ?? 0;
    const transfer = { ref: `layer-${name}`, startMono, delayMs, total: plan.sizeBytes ?? 1_000_000 };
    this.#transfers.add(transfer);
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = this.#world.after(delayMs, resolve);
        const cancelled = () => {
          timer[Symbol.dispose]();
          reject(new FakeError(status.CANCELLED, `pull of "${name}" was cancelled`));
        };
        signal.addEventListener('abort', cancelled, { once: true });
      });
    } finally {
      this.#transfers.delete(transfer);
    }
  }

  remove(nameOrId: string): void {
    const image = this.find(nameOrId);
    if (image) this.#held.delete(image.id);
  }

  list(): FakeImage[] {
    return [...this.#held.values()];
  }
}

/** The RPCs of the image service. */
export function imageHandlers(world: World, images: FakeImages): ImageHandlers {
  return {
    ListImages({ filter }) {
      const wanted = filter?.image?.image;
      const held = images.list().filter((i) => !wanted || i.id === wanted || i.names.includes(wanted));
      return { images: held.map(shown) };
    },
    ImageStatus({ image }) {
      const found = images.find(image?.image ?? '');
      return { image: found ? shown(found) : null };
    },
    async PullImage({ image }, { signal }) {
      return { imageRef: (await images.pull(image?.image ?? '', signal)).id };
    },
    RemoveImage({ image }) {
      images.remove(image?.image ?? '');
      return {};
    },
    ImageFsInfo() {
      const usedBytes = images.list().reduce((sum, i) => sum + i.sizeBytes, 0);
      const usage = {
        timestamp: world.now(),
        fsId: { mountpoint: '/var/lib/fake/images' },
        usedBytes: { value: usedBytes },
        inodesUsed: { value: images.list().length },
      };
      return { imageFilesystems: [usage], containerFilesystems: [usage] };
    },
  };
}

function shown(image: FakeImage): Image {
  return {
    id: image.id,
    repoTags: image.names.filter((n) => !n.includes('@')),
    repoDigests: image.names.filter((n) => n.includes('@')),
    size: image.sizeBytes,
    uid: image.uid === undefined ? null : { value: image.uid },
    username: image.username ?? '',
    spec: { image: image.id },
    pinned: image.pinned ?? false,
  };
}
