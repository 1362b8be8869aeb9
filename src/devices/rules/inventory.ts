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
  const byKey = new Map<string, string>();
  for (const id of ids) byKey.set(`${keyOf(id)}\0${id}`, id);
  return [...byKey.keys()].sort().map((key) => byKey.get(key)!);
}

/** Longer ones are compared as they are: a plug-in chooses them, and may have thousands. */
const MAX_KEYED = 64;
const ZERO = '0'.charCodeAt(0);

/** Digits are compared as numbers, everything else by code unit: each number has its length before it. */
function keyOf(id: string): string {
  if (id.length > MAX_KEYED) return id;
  return id.replace(/\d+/g, (digits) => {
    const number = digits.replace(/^0+/, '');
    return String.fromCharCode(ZERO + number.length) + number;
  });
}
