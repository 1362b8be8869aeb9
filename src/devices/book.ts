// Who has which device: the one place that knows, without a clock, a file or a connection.
import type { DeviceHold, PodDevices } from '../pods/facts.ts';
import type { Pod, StoredPod } from '../types/k8s.ts';
import type { Affinity } from './rules/affinity.ts';
import type { Device, DeviceList, Inventory } from './rules/inventory.ts';
import { type Assigned, type Planned, type PodPlan, planPod } from './rules/planPod.ts';
import { DeviceProvider } from './rules/provider.ts';
import { type DeviceRequest, deviceRequests } from './rules/requests.ts';
import { type Assignment, byNode, podDevices } from './rules/state.ts';

/** Where a container's devices should lie; for all: anywhere. */
export type AffinityOf = (container: string) => Affinity;
const ANYWHERE: AffinityOf = () => undefined;

/** How a plan is made. */
export interface PlanOptions {
  /** Where devices should lie. Default of `hold`: as it was said the last time. */
  readonly affinity?: AffinityOf | undefined;
  /** A plug-in's wish for one of them. */
  readonly preferred?: Assigned | undefined;
  /** Only this container's. */
  readonly only?: string | undefined;
}

const NOTHING: ReadonlySet<string> = new Set();

/**
 * The devices of all plug-ins, what was given to which container, and what is held for Pods that are being admitted. A device that is given
 * or held is taken for everybody else; nothing is given back but by `release` and `giveUp`.
 */
export class DeviceBook {
  #version = 0;
  /** What plug-ins said last. A resource is in it from its first list until its plug-in's grace is over. */
  readonly #said = new Map<string, DeviceList>();
  /** Resources whose plug-in is not there (any more): none of their devices can be given. */
  readonly #stopped = new Set<string>();
  readonly #assigned = new Map<string, readonly Assignment[]>();
  readonly #held = new Map<string, { readonly planned: readonly Planned[]; readonly affinity: AffinityOf }>();

  /** A resource that an earlier life knew: no device of it can be given until its plug-in is there. */
  remember(resource: string): void {
    this.#version += 1;
    if (!this.#said.has(resource)) this.#said.set(resource, new Map());
    this.#stopped.add(resource);
  }

  /** What was given in an earlier life. */
  restore(uid: string, assignments: readonly Assignment[]): void {
    this.#version += 1;
    this.#assigned.set(uid, assignments);
  }

  /** A plug-in's newest list. Gives the Pods whose devices are better or worse than before, or shown again. */
  setDevices(resource: string, devices: DeviceList): string[] {
    this.#version += 1;
    const before = this.#said.get(resource);
    this.#said.set(resource, devices);
    this.#stopped.delete(resource);
    const changed = (id: string) => {
      const now = devices.get(id);
      return now !== undefined && before?.get(id)?.healthy !== now.healthy;
    };
    return [...this.#assigned]
      .filter(([, held]) => held.some((one) => one.resource === resource && one.ids.some(changed)))
      .map(([uid]) => uid);
  }

  /** The resource's plug-in is gone: nothing is given of it. */
  stop(resource: string): void {
    this.#version += 1;
    if (this.#said.has(resource)) this.#stopped.add(resource);
  }

  /** The plug-in did not come back in time. */
  forget(resource: string): void {
    this.#version += 1;
    this.#said.delete(resource);
    this.#stopped.delete(resource);
  }

  resources(): readonly string[] {
    return [...this.#said.keys()].sort();
  }

  /** A resource that a plug-in has registered, or that somebody holds devices of. */
  isDeviceResource(resource: string): boolean {
    if (!resource.includes('/')) return false; // the machine's own
    if (this.#said.has(resource)) return true;
    for (const held of this.#assigned.values()) if (held.some((one) => one.resource === resource)) return true;
    return false;
  }

  /** What the plug-in said last, whether it is there or not. */
  said(resource: string): DeviceList | undefined {
    return this.#said.get(resource);
  }

  isStopped(resource: string): boolean {
    return this.#stopped.has(resource);
  }

  /** What can be given: of a stopped resource nothing is healthy. */
  inventory(): Inventory {
    const inventory = new Map<string, DeviceList>();
    for (const [resource, devices] of this.#said)
      inventory.set(resource, this.#stopped.has(resource) ? unwell(devices) : devices);
    return inventory;
  }

  /** Pods that have been given devices. */
  pods(): readonly string[] {
    return [...this.#assigned.keys()];
  }

  assignments(uid: string): readonly Assignment[] {
    return this.#assigned.get(uid) ?? [];
  }

  /** What is given and held of a resource, but for one Pod. */
  taken(resource: string, except?: string): ReadonlySet<string> {
    const taken = new Set<string>();
    const add = (uid: string, all: readonly Assigned[]) => {
      if (uid === except) return;
      for (const one of all) if (one.resource === resource) for (const id of one.ids) taken.add(id);
    };
    for (const [uid, all] of this.#assigned) add(uid, all);
    for (const [uid, { planned }] of this.#held) add(uid, planned);
    return taken;
  }

  /** Another number after each change. */
  get version(): number {
    return this.#version;
  }

  /** The Pod's devices for the topology manager, which asks container by container. */
  provider(pod: StoredPod, machineNodes: readonly number[]): DeviceProvider {
    const { uid } = pod.metadata;
    return new DeviceProvider(pod, {
      uid,
      machineNodes,
      inventory: this.inventory(),
      takenByOthers: (resource) => this.taken(resource, uid),
      assigned: this.assignments(uid),
      isDeviceResource: (resource) => this.isDeviceResource(resource),
    });
  }

  /** What the Pod asks of device plug-ins. */
  requests(pod: Pod): readonly DeviceRequest[] {
    return deviceRequests(pod, (resource) => this.isDeviceResource(resource));
  }

  /** Whether the Pod asks for devices that it was not given yet. */
  lacks(pod: StoredPod): boolean {
    const given = this.assignments(pod.metadata.uid);
    return this.requests(pod).some(
      ({ container, resource, count }) =>
        count > 0 && !given.some((one) => one.container === container && one.resource === resource),
    );
  }

  /** What the Pod would get now. */
  plan(pod: StoredPod, { affinity = ANYWHERE, preferred, only }: PlanOptions = {}): PodPlan {
    const { uid } = pod.metadata;
    const requests = this.requests(pod).filter(({ container }) => only === undefined || container === only);
    if (requests.length === 0) return { plan: [] };
    const taken = new Map<string, ReadonlySet<string>>();
    return planPod({
      uid,
      requests,
      inventory: this.inventory(),
      takenByOthers: (resource) => {
        if (!taken.has(resource)) taken.set(resource, this.taken(resource, uid));
        return taken.get(resource) ?? NOTHING;
      },
      assigned: this.assignments(uid),
      affinity,
      ...(preferred && { preferred }),
    });
  }

  /** Holds what the Pod would get, in place of what is held for it. The Pod's affinity is kept with it. */
  hold(pod: StoredPod, options: PlanOptions = {}): PodPlan {
    const affinity = options.affinity ?? this.#held.get(pod.metadata.uid)?.affinity ?? ANYWHERE;
    const plan = this.plan(pod, { ...options, affinity });
    if ('error' in plan) return plan;
    this.#version += 1;
    if (plan.plan.length > 0) this.#held.set(pod.metadata.uid, { planned: plan.plan, affinity });
    else this.#held.delete(pod.metadata.uid);
    return plan;
  }

  /** A plug-in has allocated these: they are the container's from now on. */
  commit(uid: string, { container, resource, ids }: Assigned, answer: Uint8Array): void {
    this.#version += 1;
    const idsByNode = byNode(ids, this.#said.get(resource));
    const others = this.assignments(uid).filter((one) => one.container !== container || one.resource !== resource);
    this.#assigned.set(uid, [...others, { container, resource, ids, idsByNode, answer }]);
    const held = this.#held.get(uid);
    const left = held?.planned.filter((one) => one.container !== container || one.resource !== resource) ?? [];
    if (held && left.length > 0) this.#held.set(uid, { ...held, planned: left });
    else this.#held.delete(uid);
  }

  /** Gives back what is only held for the Pod. */
  giveUp(uid: string): void {
    this.#version += 1;
    this.#held.delete(uid);
  }

  /** Gives back everything. Returns whether anything had been given. */
  release(uid: string): boolean {
    this.#version += 1;
    this.#held.delete(uid);
    return this.#assigned.delete(uid);
  }

  /** What the Pod holds, for its status and `why`. */
  devicesOf(uid: string): PodDevices {
    return podDevices(this.assignments(uid), (resource) => this.#said.get(resource));
  }

  /** What is held for a Pod that is being admitted, as people read it. */
  heldFor(uid: string): Pick<DeviceHold, 'devices'> {
    const planned = this.#held.get(uid)?.planned ?? [];
    return { devices: planned.map(({ container, resource, ids }) => `${container}: ${resource} ${shortList(ids)}`) };
  }
}

/** The first of a list: who asks for a hundred devices need not read them all. */
function shortList(ids: readonly string[]): string {
  const most = 8;
  return ids.length <= most ? ids.join(', ') : `${ids.slice(0, most).join(', ')} and ${ids.length - most} more`;
}

function unwell(devices: DeviceList): DeviceList {
  const list = new Map<string, Device>();
  for (const [id, device] of devices) list.set(id, { ...device, healthy: false });
  return list;
}
