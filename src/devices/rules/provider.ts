import { podLimits } from '../../k8s/podResources.ts';
import type { Container, Pod } from '../../types/k8s.ts';
import { type DeviceHint, deviceHints, nodesOfHint } from './hints.ts';
import { type PlanFacts, type Planned, PodPlanner } from './planPod.ts';
import { type DeviceRequest, deviceRequests } from './requests.ts';

/** Hints by resource; null: anywhere will do. */
export type DeviceHints = Readonly<Record<string, readonly DeviceHint[] | null>>;

/** What the topology manager is told for one Pod's admission. */
export interface DeviceProviderFacts extends PlanFacts {
  readonly isDeviceResource: (resource: string) => boolean;
  /** NUMA nodes of the machine. */
  readonly machineNodes: readonly number[];
}

const NANO_PER_UNIT = 1_000_000_000n;

/**
 * Devices as a provider of hints, for one Pod's admission: asked for each container in turn where its devices could lie, then told where
 * they should. What is planned for one container is taken for the next.
 */
export class DeviceProvider {
  readonly #pod: Pod;
  readonly #facts: DeviceProviderFacts;
  readonly #planner: PodPlanner;
  readonly #requests: readonly DeviceRequest[];

  constructor(pod: Pod, facts: DeviceProviderFacts) {
    this.#pod = pod;
    this.#facts = facts;
    this.#planner = new PodPlanner(facts);
    this.#requests = deviceRequests(pod, facts.isDeviceResource);
  }

  /** What is planned by now. */
  get plan(): readonly Planned[] {
    return this.#planner.plan;
  }

  /** For the container that comes next. */
  hints(container: Container): DeviceHints {
    const { inventory, machineNodes } = this.#facts;
    const hints: Record<string, readonly DeviceHint[] | null> = {};
    for (const request of this.#of(container)) {
      const { taken, reusable, held } = this.#planner.choices(request);
      const asked = { count: request.count, machineNodes, held, reusable };
      hints[request.resource] = deviceHints(inventory.get(request.resource) ?? new Map(), taken, asked) ?? null;
    }
    return hints;
  }

  /** For the Pod as a whole. */
  podHints(): DeviceHints {
    const { inventory, machineNodes, takenByOthers, assigned, isDeviceResource } = this.#facts;
    const hints: Record<string, readonly DeviceHint[] | null> = {};
    for (const [resource, nano] of podLimits(this.#pod, { excludeOverhead: true })) {
      if (!isDeviceResource(resource)) continue;
      const held = [...new Set(assigned.filter((one) => one.resource === resource).flatMap(({ ids }) => ids))];
      const count = Number((nano + NANO_PER_UNIT - 1n) / NANO_PER_UNIT);
      const taken = new Set([...takenByOthers(resource), ...held]);
      hints[resource] = deviceHints(inventory.get(resource) ?? new Map(), taken, { count, machineNodes, held }) ?? null;
    }
    return hints;
  }

  /** Plans the container's devices on these nodes, as far as there are any. Gives Go's sentence when it cannot have them. */
  allocate(
    container: Container,
    { nodes }: { readonly nodes: number | null },
  ): { readonly message: string } | undefined {
    const message = this.#planner.add(this.#of(container), nodes === null ? undefined : nodesOfHint(nodes));
    return message === undefined ? undefined : { message };
  }

  #of({ name }: Container): readonly DeviceRequest[] {
    return this.#requests.filter(({ container }) => container === name);
  }
}
