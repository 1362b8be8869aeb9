import { isFromManifest, type PodEntry } from './entry.ts';
import type { Mirrors } from './mirrors.ts';
import type { PodTable } from './table.ts';

/** A Pod as the server's routes and the statistics see it. */
export interface ServedPod
  extends Pick<
    PodEntry,
    'uid' | 'namespace' | 'name' | 'pod' | 'wanted' | 'gone' | 'status' | 'observed' | 'volumePath'
  > {
  /** The UID under which the API server shows a static Pod. */
  readonly mirrorUid: string | undefined;
  readonly isStatic: boolean;
}

/** The Pods of the node. */
export interface ServedPods {
  all(): readonly ServedPod[];
  get(uid: string): ServedPod | undefined;
  /** Called whenever what is known of the Pod may have changed, and when it is over. */
  onChange(uid: string, listener: () => void): Disposable;
}

/** The Pods of the node as the server's routes see them: the table's, with the UIDs of their mirrors. */
export function servedPods(table: PodTable, mirrors: Mirrors): ServedPods {
  const served = (entry: PodEntry): ServedPod => {
    const isStatic = isFromManifest(entry);
    return { ...entry, isStatic, mirrorUid: isStatic && entry.pod ? mirrors.of(entry.pod)?.metadata.uid : undefined };
  };
  return {
    all: () => table.all().map(served),
    get: (uid) => {
      const entry = table.get(uid);
      return entry && served(entry);
    },
    onChange: (uid, listener) => table.onChange(uid, listener),
  };
}
