import { ownEntry } from '../../lib/ownEntry.ts';
import type { PodDevices } from '../../pods/facts.ts';
import type { DeviceList } from './inventory.ts';
import { inOrder } from './inventory.ts';
import type { Assigned } from './planPod.ts';

/** Devices that were given to a container, with the plug-in's answer. */
export interface Assignment extends Assigned {
  /** The ids by NUMA node, as the checkpoint has them; -1: the plug-in named none. */
  readonly idsByNode: Readonly<Record<string, readonly string[]>>;
  /** v1beta1.ContainerAllocateResponse, encoded. */
  readonly answer: Uint8Array;
}

const NO_NODE = '-1';

/** The checkpoint's form of ids: under each node that a device names. */
export function byNode(ids: readonly string[], devices: DeviceList | undefined): Record<string, string[]> {
  const nodes: Record<string, string[]> = {};
  for (const id of ids) {
    const named = devices?.get(id)?.nodes ?? [];
    for (const node of named.length > 0 ? named.map(String) : [NO_NODE]) nodes[node] = [...(nodes[node] ?? []), id];
  }
  return nodes;
}

/** All ids of the checkpoint's form, each once. */
export function idsOf(nodes: Readonly<Record<string, readonly string[]>>): string[] {
  return inOrder(new Set(Object.values(nodes).flat()));
}

/** NUMA nodes of each device that names any, by the checkpoint's form. */
export function nodesById(nodes: Assignment['idsByNode']): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const [node, ids] of Object.entries(nodes)) {
    if (node === NO_NODE) continue;
    for (const id of ids) {
      const of = found.get(id);
      if (of) of.push(Number(node));
      else found.set(id, [Number(node)]);
    }
  }
  return found;
}

/**
 * What a Pod's status shows of its devices (KEP-4680). A device that its plug-in does not name (yet) counts as healthy, as in the Go
 * kubelet. `said`: what a plug-in said of a resource's devices last.
 */
export function podDevices(
  assignments: readonly Assignment[],
  said: (resource: string) => DeviceList | undefined,
): PodDevices {
  const devices: Record<string, { resource: string; devices: { id: string; healthy: boolean }[] }[]> = {};
  for (const { container, resource, ids } of assignments) {
    const known = said(resource);
    const held = inOrder(ids).map((id) => ({ id, healthy: known?.get(id)?.healthy ?? true }));
    devices[container] = [...(ownEntry(devices, container) ?? []), { resource, devices: held }];
  }
  for (const held of Object.values(devices)) held.sort((a, b) => (a.resource < b.resource ? -1 : 1));
  return devices;
}
