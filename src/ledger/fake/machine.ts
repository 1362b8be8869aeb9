import type { NodeTopology } from '../rules/topology/nodeTopology.ts';

/** A machine for tests: so many NUMA nodes of one socket each, with so many cores of one CPU, and 4 GiB each. */
export function testMachine(nodes = 1, coresPerNode = 2): NodeTopology {
  return {
    sockets: nodes,
    nodes: Array.from({ length: nodes }, (_, id) => ({
      id,
      memory: 4n << 30n,
      hugePages: [],
      distances: Array.from({ length: nodes }, (_distance, other) => (other === id ? 10 : 20)),
      cores: Array.from({ length: coresPerNode }, (_core, i) => ({ socket: id, threads: [id * coresPerNode + i] })),
    })),
  };
}
