/** What the machine is made of, as far as CPUs and memory have a place. A fact, read once at the start. */
export interface NodeTopology {
  /** By id, ascending. A machine without NUMA is one node. */
  readonly nodes: readonly NumaNode[];
  readonly sockets: number;
}

/** One NUMA node. */
export interface NumaNode {
  readonly id: number;
  /** Bytes. */
  readonly memory: bigint;
  readonly hugePages: readonly { readonly pageKiB: number; readonly pages: number }[];
  /** To each node, by id; empty: not known. */
  readonly distances: readonly number[];
  readonly cores: readonly Core[];
}

/** A physical core; `threads` are the CPUs that are online. */
export interface Core {
  readonly socket: number;
  readonly threads: readonly number[];
  /** The last-level cache that it shares with others; undefined: not known, then the socket counts. */
  readonly uncoreCache?: number | undefined;
}

/** Where one CPU is. */
export interface CpuPlace {
  readonly numa: number;
  readonly socket: number;
  /** The lowest CPU of the core: unlike the kernel's id it is unique on the machine. */
  readonly core: number;
  readonly uncore: number;
}

/** A level of the hierarchy that CPUs share. */
export type Level = keyof CpuPlace;

/** The topology seen from its CPUs. */
export interface CpuTopology {
  readonly places: ReadonlyMap<number, CpuPlace>;
  /** All CPUs, ascending. */
  readonly cpus: readonly number[];
  readonly sockets: number;
  /** NUMA nodes that have CPUs, ascending. */
  readonly numaNodes: readonly number[];
  readonly perCore: number;
  readonly perSocket: number;
  readonly perUncore: number;
}

/** Looks at a topology from its CPUs; sizes are averages, rounded down, as kubelet takes them. */
export function cpuTopology({ nodes, sockets }: NodeTopology): CpuTopology {
  const places = new Map<number, CpuPlace>();
  let cores = 0;
  for (const node of nodes) {
    for (const { threads, socket, uncoreCache } of node.cores) {
      cores++;
      const core = Math.min(...threads);
      for (const cpu of threads) places.set(cpu, { numa: node.id, socket, core, uncore: uncoreCache ?? socket });
    }
  }
  const cpus = [...places.keys()].sort((a, b) => a - b);
  const per = (groups: number) => (groups === 0 ? 0 : Math.floor(cpus.length / groups));
  const of = (level: Level) => [...new Set([...places.values()].map((place) => place[level]))];
  return {
    places,
    cpus,
    sockets,
    numaNodes: of('numa').sort((a, b) => a - b),
    perCore: per(cores),
    perSocket: per(sockets),
    perUncore: per(of('uncore').length),
  };
}

/** The CPUs of `among` that are in one of the places of a level, ascending if `among` is. */
export function cpusIn(
  topology: CpuTopology,
  level: Level,
  ids: readonly number[],
  among: readonly number[] = topology.cpus,
): number[] {
  const wanted = new Set(ids);
  return among.filter((cpu) => wanted.has(topology.places.get(cpu)?.[level] ?? -1));
}

/** The places of a level that these CPUs are in, in no order. */
export function placesOf(topology: CpuTopology, level: Level, cpus: Iterable<number>): Set<number> {
  const found = new Set<number>();
  for (const cpu of cpus) {
    const place = topology.places.get(cpu);
    if (place) found.add(place[level]);
  }
  return found;
}
