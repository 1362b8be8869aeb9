import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ProcessId } from '../lib/processes.ts';
import { clusterNames, type Layout, layoutOf } from './layout.ts';
import type { RuntimePrograms } from './runtime.ts';

/** Which program is the node agent. */
export type KubeletKind = 'go' | 'ts' | 'none';

/** What is written down about a cluster, so that every later program finds its processes. */
export interface ClusterState {
  /** False for a node without an API server. */
  controlPlane: boolean;
  /** The port of 127.0.0.1 at which kubectl reaches the API server. */
  apiPort: number;
  services: Record<string, ProcessId>;
  /** True when the node takes the cluster's cgroup for the root of all cgroups. */
  ownCgroups?: boolean;
  kubelet?: KubeletKind;
  /** Set for a further node: this "cluster" is its namespaces, runtime and kubelet. */
  joined?: Joined;
  /** The runtime's programs, for starting it again. */
  runtime?: RuntimePrograms;
}

/** How a node beside a cluster's first one belongs to it. */
export interface Joined {
  /** The cluster whose API server it has. */
  cluster: string;
  /** Its own address in the cluster's network. */
  address: string;
  podCidr: string;
}

export interface Cluster {
  layout: Layout;
  state: ClusterState;
}

function stateFile(layout: Layout): string {
  return path.join(layout.state, 'cluster.json');
}

/** Reads a cluster's state; undefined when it was never brought up, or is down. */
export function findCluster(name: string): Cluster | undefined {
  const layout = layoutOf(name);
  if (!existsSync(stateFile(layout))) return undefined;
  return { layout, state: JSON.parse(readFileSync(stateFile(layout), 'utf8')) as ClusterState };
}

/** The further nodes of a cluster that are up, or not quite down. */
export function furtherNodesOf(name: string): Cluster[] {
  return clusterNames().flatMap((other) => {
    const node = findCluster(other);
    return node?.state.joined?.cluster === name ? [node] : [];
  });
}

/** Like findCluster, but its absence is an error that says what to do. */
export function openCluster(name: string): Cluster {
  const cluster = findCluster(name);
  if (!cluster) throw new Error(`there is no cluster called ${name}: node hack/cluster/up.ts --name ${name}`);
  return cluster;
}

/** Writes the state (atomically). */
export function saveCluster(cluster: Cluster): void {
  const file = stateFile(cluster.layout);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.tmp`, JSON.stringify(cluster.state, null, 2));
  renameSync(`${file}.tmp`, file);
}
