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
  const pods = new Map<string, StoredPod>();
  const owners = new Map<string, PodSource>();
  const listeners = new Listeners<[PodChange, PodSourceName]>();
  let told = sources.every((source) => source.synced());
  const set = (source: PodSource, pod: StoredPod) => {
    const { uid } = pod.metadata;
    if ((owners.get(uid) ?? source) !== source) return;
    owners.set(uid, source);
    pods.set(uid, pod);
    listeners.emit({ type: 'set', pod }, source.name);
  };
  const remove = (source: PodSource, pod: StoredPod) => {
    const { uid } = pod.metadata;
    if (owners.get(uid) !== source) return;
    owners.delete(uid);
    pods.delete(uid);
    listeners.emit({ type: 'remove', pod }, source.name);
    for (const other of sources) {
      const same = other === source ? undefined : other.pods().get(uid);
      if (same) return set(other, same);
    }
  };
  const synced = (source: PodSource) => {
    if (told || !sources.every((each) => each.synced())) return;
    told = true;
    listeners.emit({ type: 'synced' }, source.name);
  };
  const subscriptions = sources.map((source) =>
    source.subscribe((change) => {
      if (change.type === 'set') set(source, change.pod);
      else if (change.type === 'remove') remove(source, change.pod);
      else synced(source);
    }),
  );
  for (const source of sources) for (const pod of source.pods().values()) set(source, pod);
  return {
    synced: () => sources.every((source) => source.synced()),
    waitingFor: () => sources.filter((source) => !source.synced()).map((source) => source.name),
    pods: () => pods,
    sourceOf: (uid) => owners.get(uid)?.name,
    subscribe: (listener) => listeners.add(listener),
    [Symbol.dispose]: () => {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
    },
  };
}
