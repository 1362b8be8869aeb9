import { Listeners } from '../lib/disposables.ts';
import type { StoredPod } from '../types/k8s.ts';
import type { PodChange, PodSource, PodSourceName } from './podSource.types.ts';

/** All sources of desired Pods as one; each change says where it comes from. */
export interface MergedPodSource extends Disposable {
  /** True once every source is: only then may anything be taken for an orphan. */
  synced(): boolean;
  /** The sources that have not reported yet. */
  waitingFor(): readonly PodSourceName[];
  /** The Pods of all sources by UID. */
  pods(): ReadonlyMap<string, StoredPod>;
  /** The source that wants a Pod. */
  sourceOf(uid: string): PodSourceName | undefined;
  /** `synced` comes once, after the last source's. */
  subscribe(listener: (change: PodChange, source: PodSourceName) => void): Disposable;
}

/**
 * Merges sources. A UID belongs to the first source that brought it; another source's Pod of the same UID (a copied mirror Pod, say)
 * is left out until the owner removes its own.
 */
export function mergedPodSource(sources: readonly PodSource[]): MergedPodSource {
  return new SourcesTogether(sources);
}

class SourcesTogether implements MergedPodSource {
  readonly #sources: readonly PodSource[];
  readonly #pods = new Map<string, StoredPod>();
  readonly #owners = new Map<string, PodSource>();
  readonly #listeners = new Listeners<[PodChange, PodSourceName]>();
  readonly #subscriptions: readonly Disposable[];
  #told: boolean;

  constructor(sources: readonly PodSource[]) {
    this.#sources = sources;
    this.#told = this.synced();
    this.#subscriptions = sources.map((source) =>
      source.subscribe((change) => {
        if (change.type === 'set') this.#set(source, change.pod);
        else if (change.type === 'remove') this.#remove(source, change.pod);
        else this.#synced(source);
      }),
    );
    for (const source of sources) for (const pod of source.pods().values()) this.#set(source, pod);
  }

  synced(): boolean {
    return this.#sources.every((source) => source.synced());
  }

  waitingFor(): PodSourceName[] {
    return this.#sources.filter((source) => !source.synced()).map((source) => source.name);
  }

  pods(): ReadonlyMap<string, StoredPod> {
    return this.#pods;
  }

  sourceOf(uid: string): PodSourceName | undefined {
    return this.#owners.get(uid)?.name;
  }

  subscribe(listener: (change: PodChange, source: PodSourceName) => void): Disposable {
    return this.#listeners.add(listener);
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
  }

  #set(source: PodSource, pod: StoredPod): void {
    const { uid } = pod.metadata;
    if ((this.#owners.get(uid) ?? source) !== source) return;
    this.#owners.set(uid, source);
    this.#pods.set(uid, pod);
    this.#listeners.emit({ type: 'set', pod }, source.name);
  }

  #remove(source: PodSource, pod: StoredPod): void {
    const { uid } = pod.metadata;
    if (this.#owners.get(uid) !== source) return;
    this.#owners.delete(uid);
    this.#pods.delete(uid);
    this.#listeners.emit({ type: 'remove', pod }, source.name);
    const heir = this.#sources.find((other) => other !== source && other.pods().has(uid));
    if (heir) this.#set(heir, heir.pods().get(uid)!);
  }

  #synced(source: PodSource): void {
    if (this.#told || !this.synced()) return;
    this.#told = true;
    this.#listeners.emit({ type: 'synced' }, source.name);
  }
}
