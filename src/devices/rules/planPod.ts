import type { Affinity } from './affinity.ts';
import { chooseDevices, type PreferenceQuestion, unusable } from './choose.ts';
import type { Inventory } from './inventory.ts';
import type { DeviceRequest } from './requests.ts';

/** Devices that one container has of one resource. */
export interface Assigned {
  readonly container: string;
  readonly resource: string;
  readonly ids: readonly string[];
}

/** Devices that one container is to get. */
export interface Planned extends Assigned {
  /** Asked of the plug-in before they are allocated, if it wishes to be. */
  readonly question?: PreferenceQuestion | undefined;
}

/** One Pod's wishes and everything that decides them. */
export interface PodWishes {
  readonly uid: string;
  readonly requests: readonly DeviceRequest[];
  readonly inventory: Inventory;
  /** What other Pods hold, by resource. */
  readonly takenByOthers: (resource: string) => ReadonlySet<string>;
  /** What the Pod has already. */
  readonly assigned: readonly Assigned[];
  readonly affinity: (container: string) => Affinity;
  /** What a plug-in answered for one of them. */
  readonly preferred?: Assigned;
}

/** What is new for the Pod, in the order in which it is allocated; or Go's sentence for the first thing that cannot be. */
export type PodPlan = { readonly plan: readonly Planned[] } | { readonly error: string };

/**
 * Plans the devices of all containers of a Pod. Init containers leave theirs to those after them; sidecars and main containers keep
 * theirs. No two containers that can run at the same time get one device.
 */
export function planPod(wishes: PodWishes): PodPlan {
  const plan: Planned[] = [];
  const reusable = new Map<string, Set<string>>();
  for (const requests of byContainer(wishes.requests)) {
    for (const request of requests) {
      const before = assignedTo(wishes.assigned, request);
      const problem = before && changed(wishes, request, before);
      if (problem) return { error: problem };
      if (before) continue;
      const chosen = choose(wishes, request, plan, reusable.get(request.resource) ?? new Set());
      if ('error' in chosen) return chosen;
      if (chosen.ids.length > 0) plan.push(chosen);
    }
    leave(requests, [...wishes.assigned, ...plan], reusable);
  }
  return { plan };
}

function choose(
  { inventory, takenByOthers, assigned, affinity, preferred }: PodWishes,
  { container, resource, count }: DeviceRequest,
  plan: readonly Planned[],
  reusable: ReadonlySet<string>,
): Planned | { readonly error: string } {
  const own = [...assigned, ...plan].filter((one) => one.resource === resource).flatMap(({ ids }) => ids);
  const answer = preferred?.container === container && preferred.resource === resource ? preferred.ids : undefined;
  const chosen = chooseDevices({
    resource,
    required: count,
    devices: inventory.get(resource),
    taken: new Set([...takenByOthers(resource), ...own]),
    reusable,
    affinity: affinity(container),
    preferred: answer,
  });
  return 'error' in chosen ? chosen : { container, resource, ...chosen };
}

/** What a container had before must still be what it asks for, and be well. */
function changed({ uid, inventory }: PodWishes, request: DeviceRequest, { ids }: Assigned): string | undefined {
  const { container, resource, count } = request;
  if (ids.length !== count)
    return `pod "${uid}" container "${container}" changed request for resource "${resource}" from ${ids.length} to ${count}`;
  return unusable(resource, inventory.get(resource), ids);
}

function assignedTo(assigned: readonly Assigned[], { container, resource }: DeviceRequest): Assigned | undefined {
  return assigned.find((one) => one.container === container && one.resource === resource);
}

/** What an init container had is free for its successors; what a longer-lived one took of it is not any more. */
function leave(requests: readonly DeviceRequest[], all: readonly Assigned[], reusable: Map<string, Set<string>>): void {
  for (const request of requests) {
    const left = reusable.get(request.resource) ?? new Set<string>();
    for (const id of assignedTo(all, request)?.ids ?? []) {
      if (request.kind === 'init') left.add(id);
      else left.delete(id);
    }
    reusable.set(request.resource, left);
  }
}

function byContainer(requests: readonly DeviceRequest[]): DeviceRequest[][] {
  const groups = new Map<string, DeviceRequest[]>();
  for (const request of requests) groups.set(request.container, [...(groups.get(request.container) ?? []), request]);
  return [...groups.values()];
}
