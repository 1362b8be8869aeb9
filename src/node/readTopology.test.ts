import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readTopology } from './readTopology.ts';

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), 'sys-'));
});
afterEach(() => rmSync(sys, { recursive: true, force: true }));

function write(path: string, text: string): void {
  const full = join(sys, 'devices/system', path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, `${text}\n`);
}

/** One socket a node, two cores of two CPUs each; the cores of a node have a cache of their own. */
function machine(nodes: number, numa = true): void {
  write('cpu/online', `0-${nodes * 4 - 1}`);
  for (let cpu = 0; cpu < nodes * 4; cpu++) {
    const node = Math.floor(cpu / 4);
    const core = Math.floor((cpu % 4) / 2);
    write(`cpu/cpu${cpu}/topology/core_id`, String(core));
    write(`cpu/cpu${cpu}/topology/physical_package_id`, String(node));
    write(`cpu/cpu${cpu}/cache/index2/level`, '2');
    write(`cpu/cpu${cpu}/cache/index3/level`, '3');
    write(`cpu/cpu${cpu}/cache/index3/id`, String(10 + Math.floor(cpu / 2)));
    write(`cpu/cpu${cpu}/cache/index3/shared_cpu_list`, `${cpu - (cpu % 2)}-${cpu - (cpu % 2) + 1}`);
    if (numa) mkdirSync(join(sys, `devices/system/node/node${node}/cpu${cpu}`), { recursive: true });
  }
  for (let node = 0; numa && node < nodes; node++) {
    write(`node/node${node}/meminfo`, `Node ${node} MemTotal:       ${1024 * (node + 1)} kB`);
    write(`node/node${node}/distance`, node === 0 ? '10 21' : '21 10');
    write(`node/node${node}/hugepages/hugepages-2048kB/nr_hugepages`, '8');
  }
}

test('two NUMA nodes: CPUs by core, caches, memory, huge pages and distances', async () => {
  machine(2);
  const { nodes, sockets } = await readTopology(sys);
  expect(sockets).toBe(2);
  expect(nodes[1]).toEqual({
    id: 1,
    memory: 2048n * 1024n,
    hugePages: [{ pageKiB: 2048, pages: 8 }],
    distances: [21, 10],
    cores: [
      { socket: 1, threads: [4, 5], uncoreCache: 12 },
      { socket: 1, threads: [6, 7], uncoreCache: 13 },
    ],
  });
});

test('a cache of the whole node is none that only some share', async () => {
  machine(1);
  for (const cpu of [0, 2]) write(`cpu/cpu${cpu}/cache/index3/shared_cpu_list`, '0-3');
  const { nodes } = await readTopology(sys);
  expect(nodes[0]?.cores).toEqual([
    { socket: 0, threads: [0, 1] },
    { socket: 0, threads: [2, 3] },
  ]);
});

test('CPUs that are offline are left out', async () => {
  machine(1);
  write('cpu/online', '0,2-3');
  const { nodes } = await readTopology(sys);
  expect(nodes[0]?.cores.map(({ threads }) => threads)).toEqual([[0], [2, 3]]);
});

test('a kernel without NUMA shows a node for each socket; one without CPUs is refused', async () => {
  machine(2, false);
  const { nodes } = await readTopology(sys);
  expect(nodes.map(({ id, cores }) => [id, cores.length])).toEqual([
    [0, 2],
    [1, 2],
  ]);
  rmSync(join(sys, 'devices'), { recursive: true });
  await expect(readTopology(sys)).rejects.toThrow('could not detect number of cpus');
});

test('this machine', async () => {
  const { nodes, sockets } = await readTopology();
  expect(sockets).toBeGreaterThan(0);
  expect(nodes.flatMap(({ cores }) => cores.flatMap(({ threads }) => threads)).length).toBeGreaterThan(0);
});
