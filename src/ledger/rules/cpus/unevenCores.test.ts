import { cpuTopology } from '../topology/nodeTopology.ts';
import { pickDistributed } from './distributed.ts';
import { pickPacked } from './packed.ts';

/** Two cores with two CPUs and four with one: as machines with fast and slow cores have them. */
const mixed = cpuTopology({
  sockets: 1,
  nodes: [
    {
      ...{ id: 0, memory: 0n, hugePages: [], distances: [] },
      cores: [[0, 1], [2, 3], [4], [5], [6], [7]].map((threads) => ({ socket: 0, threads })),
    },
  ],
});
const plain = { spread: false, alignByUncore: false };

test('where cores differ in their number of CPUs, a CPU that is not free is never given with its sibling', () => {
  const others = [1, 6];
  const free = mixed.cpus.filter((cpu) => !others.includes(cpu));
  for (let count = 1; count <= free.length; count++) {
    const picked = pickPacked(mixed, free, count, plain);
    const cpus = 'cpus' in picked ? picked.cpus : [];
    expect([count, cpus.length, cpus.filter((cpu) => others.includes(cpu))]).toEqual([count, count, []]);
  }
});

test('a rest that cannot be spread in whole cores comes to an end', () => {
  const cores = Array.from({ length: 8 }, (_, i) => ({ socket: 0, threads: [2 * i, 2 * i + 1] }));
  const topology = cpuTopology({
    sockets: 1,
    nodes: [0, 1, 2, 3].map((id) => ({
      ...{ id, memory: 0n, hugePages: [], distances: [] },
      cores: cores.slice(2 * id, 2 * id + 2),
    })),
  });
  // Each node has a core and a half.
  const free = topology.cpus.filter((cpu) => cpu % 4 !== 3);
  const picked = pickDistributed(topology, free, 6, { groupSize: 2, spread: false });
  expect(picked).toEqual({ cpus: expect.any(Array) });
  expect('cpus' in picked && picked.cpus.length).toBe(6);
});

test('a cache that lies on two NUMA nodes is counted once: as many CPUs are given as were asked for', () => {
  const topology = cpuTopology({
    sockets: 1,
    nodes: [0, 1].map((id) => ({
      ...{ id, memory: 0n, hugePages: [], distances: [] },
      cores: Array.from({ length: 3 }, (_, i) => ({
        ...{ socket: 0, threads: [id * 3 + i] },
        uncoreCache: Math.floor((id * 3 + i) / 2),
      })),
    })),
  });
  for (let count = 1; count <= 5; count++) {
    const free = topology.cpus.filter((cpu) => cpu !== 0);
    const picked = pickPacked(topology, free, count, { spread: false, alignByUncore: true });
    expect('cpus' in picked && picked.cpus.length).toBe(count);
  }
});
