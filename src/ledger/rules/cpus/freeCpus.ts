import { type CpuTopology, type Level, placesOf } from '../topology/nodeTopology.ts';

/**
 * CPUs that can be given, seen by the places they are in. Places are listed the fullest use first: those with the fewest free CPUs, then
 * by id; and by the larger of socket and NUMA node first.
 */
export class FreeCpus {
  readonly topology: CpuTopology;
  readonly taken = new Set<number>();
  #free: number[];
  /** The free CPUs by place, as far as somebody asked since the last one was taken. */
  readonly #groups = new Map<Level, Map<number, number[]>>();
  #needed: number;

  constructor(topology: CpuTopology, free: readonly number[], needed: number) {
    this.topology = topology;
    this.#free = [...free].sort((a, b) => a - b);
    this.#needed = needed;
  }

  get needed(): number {
    return this.#needed;
  }

  get satisfied(): boolean {
    return this.#needed < 1;
  }

  get count(): number {
    return this.#free.length;
  }

  /** The free CPUs of one place, ascending. */
  in(level: Level, id: number): readonly number[] {
    return this.#group(level).get(id) ?? [];
  }

  take(cpus: readonly number[]): void {
    for (const cpu of cpus) this.taken.add(cpu);
    this.#free = this.#free.filter((cpu) => !this.taken.has(cpu));
    this.#groups.clear();
    this.#needed -= cpus.length;
  }

  numaNodes(): number[] {
    if (this.numaFirst) return this.#ordered('numa', this.#free);
    return this.#within('numa', 'socket', this.sockets());
  }

  sockets(): number[] {
    if (this.numaFirst) return this.#within('socket', 'numa', this.numaNodes());
    return this.#ordered('socket', this.#free);
  }

  uncoreCaches(): number[] {
    return this.#within('uncore', 'numa', this.numaNodes());
  }

  cores(): number[] {
    return this.numaFirst
      ? this.#within('core', 'socket', this.sockets())
      : this.#within('core', 'numa', this.numaNodes());
  }

  /** Whether sockets are the smaller places, so that a NUMA node comes first. */
  get numaFirst(): boolean {
    return this.topology.sockets >= this.topology.numaNodes.length;
  }

  #group(level: Level): Map<number, number[]> {
    const known = this.#groups.get(level);
    if (known) return known;
    const groups = new Map<number, number[]>();
    for (const cpu of this.#free) {
      const id = this.topology.places.get(cpu)?.[level] ?? -1;
      const group = groups.get(id);
      if (group) group.push(cpu);
      else groups.set(id, [cpu]);
    }
    this.#groups.set(level, groups);
    return groups;
  }

  #within(level: Level, outer: Level, ids: readonly number[]): number[] {
    return ids.flatMap((id) => this.#ordered(level, this.in(outer, id)));
  }

  #ordered(level: Level, cpus: readonly number[]): number[] {
    const ids = [...placesOf(this.topology, level, cpus)];
    return ids.sort((a, b) => this.in(level, a).length - this.in(level, b).length || a - b);
  }
}
