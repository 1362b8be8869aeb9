import type { Pod, ResourceRequirements } from './generated/index.ts';

declare const allocated: unique symbol;

/**
 * A Pod whose spec holds the resources that the node gave it (KEP-1287), which may be others than its source asks for now. Everything
 * that uses, counts or shows resources takes this one; a Pod as its source has it does not compile in its place. Only
 * pods/rules/allocation.ts makes them. Its QoS class is that of the desired Pod: no resize may change it.
 */
export type AllocatedPod = Pod & { readonly [allocated]: true };

/** The resources of a Pod alone: allocated ones, or those that were carried out. Frozen; JSON. */
export interface PodResources {
  /** By name: main and init containers. */
  readonly containers: Readonly<Record<string, ResourceRequirements>>;
  /** spec.resources of the Pod as a whole (KEP-2837); absent without any. */
  readonly pod?: ResourceRequirements;
}
