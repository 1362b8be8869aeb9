import { type Layout, layoutOf, net } from './layout.ts';
import type { Cluster, Joined } from './state.ts';

/** How many nodes a cluster may have: as many Pod networks are free in `net.allPods`, of which a VM has 10.245. */
export const mostNodes = 3;

/** Where the further nodes of a cluster have their addresses and Pods, and what they are called: NAME-2, NAME-3. */
export function furtherNodes(cluster: string, nodes: number): { name: string; joined: Joined }[] {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > mostNodes)
    throw new Error(`--nodes: a number from 1 to ${mostNodes}`);
  return Array.from({ length: nodes - 1 }, (_, index) => ({
    name: `${cluster}-${index + 2}`,
    joined: { cluster, address: `172.30.0.${index + 12}`, podCidr: `10.${index + 246}.0.0/16` },
  }));
}

/** The node's address in the cluster's network. */
export function nodeAddress({ state }: Cluster): string {
  return state.joined?.address ?? net.nodeAddress;
}

/** The addresses of the node's Pods. */
export function podCidr({ state }: Cluster): string {
  return state.joined?.podCidr ?? net.podCidr;
}

/** The layout of the cluster whose API server the node has; undefined when it has none. */
export function controlOf({ layout, state }: Cluster): Layout | undefined {
  if (state.controlPlane) return layout;
  return state.joined && layoutOf(state.joined.cluster);
}
