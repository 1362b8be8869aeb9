import { healthyIds, type Inventory } from './inventory.ts';

/** What plug-ins add to the Node; `removed` resources are reported as 0. */
export interface DeviceCapacity {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
}

/** Every known device counts for the capacity, every healthy one of a plug-in that is there can be allocated. */
export function deviceCapacity(inventory: Inventory, removed: Iterable<string>): DeviceCapacity {
  const capacity: Record<string, string> = {};
  const allocatable: Record<string, string> = {};
  for (const [resource, devices] of inventory) {
    capacity[resource] = String(devices.size);
    allocatable[resource] = String(healthyIds(devices).size);
  }
  return { capacity, allocatable, removed: [...removed].filter((resource) => !inventory.has(resource)).sort() };
}
