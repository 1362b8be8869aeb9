import { isFromManifest, type PodEntry } from '../pods/entry.ts';
import type { Mirrors } from '../pods/mirrors.ts';
import type { PodTable } from '../pods/table.ts';
import type { ServedPod, ServedPods } from './host.ts';

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
