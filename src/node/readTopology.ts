import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseCpuList } from '../k8s/cpuList.ts';
import type { Core, NodeTopology, NumaNode } from '../ledger/rules/topology/nodeTopology.ts';

/** Machines have fewer of both; what claims more is not read. */
const MAX_NODES = 1024;
const MAX_CPUS = 8192;
/** Files of one CPU that are read at the same moment, times this. */
const AT_ONCE = 16;

/**
 * Reads where the machine's CPUs and memory are, as cAdvisor reads it for the Go kubelet. Only reads; `sys` is where /sys is found. A
 * kernel without NUMA shows one node for each socket. Rejects when there are no CPUs to be found.
 */
export async function readTopology(sys = '/sys'): Promise<NodeTopology> {
  const devices = join(sys, 'devices/system');
  const ids = await numbered(join(devices, 'node'), /^node(\d+)$/, MAX_NODES);
  const nodes: NumaNode[] = [];
  for (const id of ids) nodes.push(await readNode(devices, id));
  const known = ids.length > 0 ? nodes : await nodesBySocket(devices);
  const sockets = new Set(known.flatMap(({ cores }) => cores.map(({ socket }) => socket)));
  if (sockets.size === 0) throw new Error(`could not detect number of cpus: ${devices} shows none`);
  return { nodes: known, sockets: sockets.size };
}

async function readNode(devices: string, id: number): Promise<NumaNode> {
  const directory = join(devices, 'node', `node${id}`);
  const [meminfo, distance, cpus, hugePages] = await Promise.all([
    text(join(directory, 'meminfo')),
    text(join(directory, 'distance')),
    numbered(directory, /^cpu(\d+)$/, MAX_CPUS),
    readHugePages(join(directory, 'hugepages')),
  ]);
  const kiB = /MemTotal:\s*(\d+) kB/.exec(meminfo)?.[1] ?? '0';
  return {
    id,
    memory: BigInt(kiB) * 1024n,
    hugePages,
    distances: distance === '' ? [] : distance.split(/\s+/).map(Number),
    cores: await readCores(devices, cpus),
  };
}

async function nodesBySocket(devices: string): Promise<NumaNode[]> {
  const cores = await readCores(devices, await numbered(join(devices, 'cpu'), /^cpu(\d+)$/, MAX_CPUS));
  const sockets = [...new Set(cores.map(({ socket }) => socket))].sort((a, b) => a - b);
  return sockets.map((id) => ({
    ...{ id, memory: 0n, hugePages: [], distances: [] },
    cores: cores.filter(({ socket }) => socket === id),
  }));
}

async function readHugePages(directory: string): Promise<NumaNode['hugePages']> {
  const sizes = await numbered(directory, /^hugepages-(\d+)kB$/, 64);
  const pages = sizes.map((pageKiB) => text(join(directory, `hugepages-${pageKiB}kB`, 'nr_hugepages')));
  return (await Promise.all(pages)).map((count, i) => ({ pageKiB: sizes[i]!, pages: Number.parseInt(count, 10) || 0 }));
}

interface CpuFacts {
  readonly cpu: number;
  readonly core: string;
  readonly socket: number;
}

/** The cores of one node in the order of their first CPU; CPUs that are offline, or say nothing of their place, are left out. */
async function readCores(devices: string, cpus: readonly number[]): Promise<Core[]> {
  const online = new Set(parseCpuList(await text(join(devices, 'cpu/online'))));
  const facts = await inTurns(
    cpus.filter((cpu) => online.size === 0 || online.has(cpu)),
    async (cpu): Promise<CpuFacts | undefined> => {
      const of = (name: string) => text(join(devices, 'cpu', `cpu${cpu}`, 'topology', name));
      const [core, socket] = await Promise.all([of('core_id'), of('physical_package_id')]);
      return core === '' || socket === '' ? undefined : { cpu, core, socket: Number(socket) };
    },
  );
  const cores = new Map<string, { socket: number; threads: number[] }>();
  for (const one of facts) {
    if (!one) continue;
    const key = `${one.socket}/${one.core}`;
    const core = cores.get(key) ?? { socket: one.socket, threads: [] };
    core.threads.push(one.cpu);
    cores.set(key, core);
  }
  const all = [...cores.values()];
  const caches = await inTurns(all, ({ threads }) => uncoreCache(devices, threads, all.length));
  return all.map((core, i) => ({ ...core, ...(caches[i] !== undefined && { uncoreCache: caches[i] }) }));
}

/** The id of a cache beyond the second level that only some CPUs of the node share. */
async function uncoreCache(devices: string, threads: readonly number[], cores: number): Promise<number | undefined> {
  const directory = join(devices, 'cpu', `cpu${threads[0]}`, 'cache');
  for (const index of await numbered(directory, /^index(\d+)$/, 64)) {
    const of = (name: string) => text(join(directory, `index${index}`, name));
    const [level, id, shared] = await Promise.all([of('level'), of('id'), of('shared_cpu_list')]);
    if (Number(level) > 2 && parseCpuList(shared).length !== cores * threads.length) return Number(id);
  }
  return undefined;
}

/** Entries of a directory that are numbered like this, ascending; none if it cannot be read. */
async function numbered(directory: string, name: RegExp, most: number): Promise<number[]> {
  const entries = await readdir(directory).catch(() => []);
  const found = entries.flatMap((entry) => name.exec(entry)?.slice(1, 2) ?? []).map(Number);
  return found.sort((a, b) => a - b).slice(0, most);
}

async function inTurns<T, R>(items: readonly T[], read: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE)
    done.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(read))));
  return done;
}

/** Files of the kernel's device tree: at most a page long. Empty when it is not there. */
async function text(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
