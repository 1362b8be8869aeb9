import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ProcessId } from '../lib/processes.ts';
import { type Layout, layoutOf } from './layout.ts';
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
  /** The runtime's programs, for starting it again. */
  runtime?: RuntimePrograms;
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
