import type { StoredPod } from '../types/k8s.ts';

/** Where a Pod comes from; the value of the annotation `kubernetes.io/config.source`. */
export type PodSourceName = 'api' | 'file' | 'http';

/**
 * One change of a source. `set` carries a new or changed Pod (frozen), `remove` the last known version of a Pod that the source
 * no longer wants, `synced` says once that everything the source knew at its start has been delivered.
 */
export type PodChange =
  | { readonly type: 'set'; readonly pod: StoredPod }
  | { readonly type: 'remove'; readonly pod: StoredPod }
  | { readonly type: 'synced' };

/** A source of desired Pods. Listeners are called in the order of the changes, never from within `subscribe`. */
export interface PodSource {
  readonly name: PodSourceName;
  /** True once everything that the source knew at its start was delivered: orphans may be cleaned up only after that. */
  synced(): boolean;
  /** The Pods wanted now, by UID. */
  pods(): ReadonlyMap<string, StoredPod>;
  /** Calls `listener` for every later change; read `pods()` first for those of before. Dispose to stop. */
  subscribe(listener: (change: PodChange) => void): Disposable;
}
