import { parseGoBool } from '../../../k8s/goBool.ts';
import { goQuote } from '../../../k8s/goText.ts';
import type { TopologySettings } from './admit.ts';
import type { NodeTopology } from './nodeTopology.ts';
import { MAX_NUMA_ID, maskOf } from './numaMask.ts';
import type { TopologyPolicyName } from './policies.ts';

/** More NUMA nodes make more combinations than can be tried, unless somebody insists. */
const MAX_NODES = 8;

/** KubeletConfiguration topologyManagerPolicyOptions. */
export interface TopologyOptions {
  readonly preferClosest: boolean;
  readonly maxNodes: number;
}

/** Reads topologyManagerPolicyOptions. Throws with Go's refusal. */
export function parseTopologyOptions(given: Readonly<Record<string, string>>): TopologyOptions {
  let options: TopologyOptions = { preferClosest: false, maxNodes: MAX_NODES };
  for (const [name, value] of Object.entries(given)) {
    if (name === 'prefer-closest-numa-nodes') options = { ...options, preferClosest: closest(name, value) };
    else if (name === 'max-allowable-numa-nodes') options = { ...options, maxNodes: maxNodes(name, value) };
    else throw new Error(`unknown Topology Manager Policy option: ${goQuote(name)}`);
  }
  return options;
}

function closest(name: string, value: string): boolean {
  try {
    return parseGoBool(value);
  } catch (error) {
    throw new Error(`bad value for option ${goQuote(name)}: ${(error as Error).message}`);
  }
}

function maxNodes(name: string, value: string): number {
  if (!/^[+-]?\d+$/.test(value)) {
    throw new Error(
      `unable to convert policy option to integer ${goQuote(name)}: strconv.Atoi: parsing ${goQuote(value)}: invalid syntax`,
    );
  }
  if (Number(value) < MAX_NODES) {
    throw new Error(`the minimum value of ${goQuote(name)} should not be less than ${MAX_NODES}`);
  }
  return Number(value);
}

/** topologyManagerPolicy, topologyManagerScope, and topologyManagerPolicyOptions as read by parseTopologyOptions. */
export interface TopologyManagerSettings {
  readonly policy: string;
  readonly scope: string;
  readonly options: TopologyOptions;
}

const POLICIES: readonly string[] = ['best-effort', 'restricted', 'single-numa-node'];

/** The topology manager as it is configured, on this machine. Throws with Go's refusal. */
export function topologySettings(
  { nodes }: NodeTopology,
  { policy, scope, options }: TopologyManagerSettings,
): TopologySettings {
  if (policy === 'none') return { policy: null, scope: 'container' };
  if (options.preferClosest && nodes.some(({ distances }) => distances.length === 0)) {
    throw new Error('cannot discover NUMA topology: error getting NUMA distances from cadvisor');
  }
  if (nodes.length > options.maxNodes) {
    throw new Error(`unsupported on machines with more than ${options.maxNodes} NUMA Nodes`);
  }
  refuseHighIds(nodes.map(({ id }) => id));
  if (!POLICIES.includes(policy)) throw new Error(`unknown policy: "${policy}"`);
  if (scope !== 'container' && scope !== 'pod') throw new Error(`unknown scope: "${scope}"`);
  return {
    scope,
    policy: {
      name: policy as TopologyPolicyName,
      allNodes: maskOf(nodes.map(({ id }) => id)),
      distances: options.preferClosest ? new Map(nodes.map(({ id, distances }) => [id, distances])) : null,
    },
  };
}

/** The managers hold sets of NUMA nodes as bits of a small number. */
export function refuseHighIds(ids: readonly number[]): void {
  const high = ids.find((id) => id > MAX_NUMA_ID);
  if (high === undefined) return;
  throw new Error(
    `NUMA node ${high} of this machine has an id above ${MAX_NUMA_ID}, which the managers of CPUs, memory and topology cannot hold`,
  );
}
