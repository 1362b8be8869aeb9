import { type DeviceList, hasTopology } from './inventory.ts';

/** The NUMA nodes on which everything of a container should lie; undefined: anywhere. */
export type Affinity = readonly number[] | undefined;

/** Devices by how well they lie. */
export interface ByAffinity {
  /** On one of the wanted nodes. */
  readonly aligned: ReadonlySet<string>;
  /** On other nodes. */
  readonly unaligned: ReadonlySet<string>;
  /** On no node, or nobody asks where. */
  readonly anywhere: ReadonlySet<string>;
}

/**
 * Sorts free devices by the nodes that the topology manager chose. A device on several nodes counts for a wanted one: that is the
 * first that is looked at in the Go kubelet, too.
 */
export function byAffinity(available: ReadonlySet<string>, devices: DeviceList, affinity: Affinity): ByAffinity {
  const [aligned, unaligned, anywhere] = [new Set<string>(), new Set<string>(), new Set<string>()];
  if (affinity === undefined || !hasTopology(devices)) return { aligned, unaligned, anywhere: available };
  const wanted = new Set(affinity);
  for (const id of available) {
    const nodes = devices.get(id)?.nodes ?? [];
    if (nodes.length === 0) anywhere.add(id);
    else if (nodes.some((node) => wanted.has(node))) aligned.add(id);
    else unaligned.add(id);
  }
  return { aligned, unaligned, anywhere };
}
