import { bounded } from '../lib/bounded.ts';
import { printableLine } from '../lib/printable.ts';
import type { DeviceBook } from './book.ts';
import { healthyIds, inOrder } from './rules/inventory.ts';

/** Which devices there are and who has them, for `kubelet-ts why node`, as JSON and as text. */
export interface DeviceMap {
  readonly resources: readonly {
    readonly resource: string;
    /** Its plug-in is there. */
    readonly registered: boolean;
    readonly devices: number;
    readonly healthy: number;
    readonly free: number;
    /** How many lie on each NUMA node. */
    readonly onNodes: Readonly<Record<string, number>>;
  }[];
  readonly holders: readonly {
    readonly pod: string;
    readonly container: string;
    readonly resource: string;
    readonly ids: readonly string[];
  }[];
}

/** `nameOf`: a Pod as people call it; it may be gone. */
export function deviceMap(book: DeviceBook, nameOf: (uid: string) => string): DeviceMap {
  const inventory = book.inventory();
  const resources = book.resources().map((resource) => {
    const devices = inventory.get(resource) ?? new Map();
    const healthy = healthyIds(devices);
    const taken = book.taken(resource);
    const onNodes: Record<string, number> = {};
    for (const { nodes } of devices.values()) for (const node of nodes) onNodes[node] = (onNodes[node] ?? 0) + 1;
    return {
      ...{ resource, registered: !book.isStopped(resource), onNodes },
      devices: devices.size,
      healthy: healthy.size,
      free: [...healthy].filter((id) => !taken.has(id)).length,
    };
  });
  const holders = book
    .pods()
    .flatMap((uid) =>
      book
        .assignments(uid)
        .map(({ container, resource, ids }) => ({ pod: nameOf(uid), container, resource, ids: inOrder(ids) })),
    );
  const key = ({ pod, container, resource }: (typeof holders)[number]) => `${pod} ${container} ${resource}`;
  return { resources, holders: holders.sort((a, b) => (key(a) < key(b) ? -1 : 1)) };
}

const LINE_BYTES = 1024;

/** The map as lines of text; empty without devices. */
export function deviceMapText({ resources, holders }: DeviceMap): string {
  const lines = resources.map(({ resource, registered, devices, healthy, free, onNodes }) => {
    const nodes = Object.entries(onNodes).map(([node, count]) => `, ${count} on NUMA node ${node}`);
    const there = registered ? '' : '; its plug-in is not there';
    return `${resource}: ${devices} devices, ${healthy} healthy, ${free} free${nodes.join('')}${there}`;
  });
  for (const { pod, container, resource, ids } of holders)
    lines.push(`Pod ${pod}, container ${container}: ${resource} ${ids.join(', ')}`);
  // Plug-ins choose ids: none steers a terminal, and who has a thousand fills no screen.
  return lines.map((line) => `${printableLine(bounded(line, LINE_BYTES))}\n`).join('');
}
