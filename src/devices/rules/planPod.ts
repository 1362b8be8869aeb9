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

/** Everything that decides what a Pod gets, but for its wishes. */
export interface PlanFacts {
  readonly uid: string;
  readonly inventory: Inventory;
  /** What other Pods hold, by resource. */
  readonly takenByOthers: (resource: string) => ReadonlySet<string>;
  /** What the Pod has already. */
  readonly assigned: readonly Assigned[];
  /** What a plug-in answered for one of them. */
  readonly preferred?: Assigned | undefined;
}

/** One Pod's wishes and everything that decides them. */
export interface PodWishes extends PlanFacts {
  readonly requests: readonly DeviceRequest[];
  readonly affinity: (container: string) => Affinity;
}

/** What is new for the Pod, in the order in which it is allocated; or Go's sentence for the first thing that cannot be. */
export type PodPlan = { readonly plan: readonly Planned[] } | { readonly error: string };

/** What of one resource a container could get. */
export interface Choices {
  readonly taken: ReadonlySet<string>;
  /** What init containers before it leave. */
  readonly reusable: ReadonlySet<string>;
  /** What it has already. */
  readonly held: readonly string[];
}

/**
 * Plans the devices of all containers of a Pod. Init containers leave theirs to those after them; sidecars and main containers keep
 * theirs. No two containers that can run at the same time get one device.
 */
export function planPod({ requests, affinity, ...facts }: PodWishes): PodPlan {
  const planner = new PodPlanner(facts);
  for (const ofOne of byContainer(requests)) {
    const error = planner.add(ofOne, affinity(ofOne[0]!.container));
    if (error !== undefined) return { error };
  }
  return { plan: planner.plan };
}

/** Plans one container after the other, in the order in which they start. */
export class PodPlanner {
  readonly #facts: PlanFacts;
  readonly #reusable = new Map<string, Set<string>>();
  readonly #plan: Planned[] = [];

  constructor(facts: PlanFacts) {
    this.#facts = facts;
  }

  /** What is new for the Pod by now. */
  get plan(): readonly Planned[] {
    return this.#plan;
  }

  /** Adds all that one container asks for. Gives Go's sentence for the first thing that it cannot have. */
  add(requests: readonly DeviceRequest[], affinity: Affinity): string | undefined {
    for (const request of requests) {
      const before = assignedTo(this.#facts.assigned, request);
      const problem = before && this.#changed(request, before);
      if (problem) return problem;
      if (before) continue;
      const chosen = this.#choose(request, affinity);
      if ('error' in chosen) return chosen.error;
      if (chosen.ids.length > 0) this.#plan.push(chosen);
    }
    this.#leave(requests);
    return undefined;
  }

  /** What the container that comes next could get. */
  choices(request: DeviceRequest): Choices {
    const { assigned, takenByOthers } = this.#facts;
    const { resource } = request;
    const own = [...assigned, ...this.#plan].filter((one) => one.resource === resource).flatMap(({ ids }) => ids);
    return {
      taken: new Set([...takenByOthers(resource), ...own]),
      reusable: this.#reusable.get(resource) ?? new Set(),
      held: assignedTo(assigned, request)?.ids ?? [],
    };
  }

  #choose(request: DeviceRequest, affinity: Affinity): Planned | { readonly error: string } {
    const { container, resource, count } = request;
    const { inventory, preferred } = this.#facts;
    const { taken, reusable } = this.choices(request);
    const answer = preferred?.container === container && preferred.resource === resource ? preferred.ids : undefined;
    const devices = inventory.get(resource);
    const chosen = chooseDevices({
      ...{ resource, devices, taken, reusable, affinity },
      required: count,
      preferred: answer,
    });
    return 'error' in chosen ? chosen : { container, resource, ...chosen };
  }

  /** What a container had before must still be what it asks for, and be well. */
  #changed({ container, resource, count }: DeviceRequest, { ids }: Assigned): string | undefined {
    const { uid, inventory } = this.#facts;
    if (ids.length !== count)
      return `pod "${uid}" container "${container}" changed request for resource "${resource}" from ${ids.length} to ${count}`;
    return unusable(resource, inventory.get(resource), ids);
  }

  /** What an init container had is free for its successors; what a longer-lived one took of it is not any more. */
  #leave(requests: readonly DeviceRequest[]): void {
    const all = [...this.#facts.assigned, ...this.#plan];
    for (const request of requests) {
      const left = this.#reusable.get(request.resource) ?? new Set<string>();
      for (const id of assignedTo(all, request)?.ids ?? []) {
        if (request.kind === 'init') left.add(id);
        else left.delete(id);
      }
      this.#reusable.set(request.resource, left);
    }
  }
}

function assignedTo(assigned: readonly Assigned[], { container, resource }: DeviceRequest): Assigned | undefined {
  return assigned.find((one) => one.container === container && one.resource === resource);
}

function byContainer(requests: readonly DeviceRequest[]): DeviceRequest[][] {
  const groups = new Map<string, DeviceRequest[]>();
  for (const request of requests) groups.set(request.container, [...(groups.get(request.container) ?? []), request]);
  return [...groups.values()];
}
