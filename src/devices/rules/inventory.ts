// What a device plug-in offers, as the rules see it.

/** One device. */
export interface Device {
  /** Chosen by the plug-in; unique within its resource. */
  readonly id: string;
  readonly healthy: boolean;
  /** NUMA nodes that it hangs on, as the plug-in said them; empty: it named none. */
  readonly nodes: readonly number[];
}

/** The devices of one resource, by id. */
export type DeviceList = ReadonlyMap<string, Device>;

/** The resources that plug-ins registered, by name. One whose plug-in is not there (yet) has no healthy device. */
export type Inventory = ReadonlyMap<string, DeviceList>;

/** The ids of the devices that can be given to somebody. */
export function healthyIds(devices: DeviceList): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { id, healthy } of devices.values()) if (healthy) ids.add(id);
  return ids;
}

/** Whether any device names a NUMA node: then the resource takes part in alignment. */
export function hasTopology(devices: DeviceList): boolean {
  for (const { nodes } of devices.values()) if (nodes.length > 0) return true;
  return false;
}

/** Ids in an order that people expect: dev-2 before dev-10. */
export function inOrder(ids: Iterable<string>): string[] {
  return [...ids].sort(compareIds);
}

/** Digits are compared as numbers, everything else by code unit. */
function compareIds(a: string, b: string): number {
  const [left, right] = [a.match(PARTS) ?? [], b.match(PARTS) ?? []];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [x, y] = [left[i]!, right[i]!];
    if (x === y) continue;
    const [m, n] = [Number(x), Number(y)];
    if (Number.isFinite(m) && Number.isFinite(n) && m !== n) return m - n;
    return x < y ? -1 : 1;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}
const PARTS = /\d{1,15}|\D+/g;
