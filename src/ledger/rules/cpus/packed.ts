import { type CpuTopology, cpusIn, type Level, placesOf } from '../topology/nodeTopology.ts';
import { FreeCpus } from './freeCpus.ts';

/** How CPUs are picked where whole places are not taken. */
export interface PackedOptions {
  /** One CPU of each core rather than all of one. */
  readonly spread: boolean;
  readonly alignByUncore: boolean;
}

/** The CPUs, or why there are none, in kubelet's words. */
export type Picked = { readonly cpus: readonly number[] } | { readonly error: string };

/**
 * Picks CPUs as near to each other as possible: whole NUMA nodes and sockets, then (as an option) uncore caches, whole cores, and single
 * CPUs, each time where least is left.
 */
export function pickPacked(
  topology: CpuTopology,
  available: readonly number[],
  count: number,
  { spread, alignByUncore }: PackedOptions,
): Picked {
  const free = new FreeCpus(topology, available, count);
  if (count > free.count && count >= 1) return { error: notEnough(count, available.length) };
  const steps = [
    () => takeWhole(free, free.numaFirst ? 'numa' : 'socket'),
    () => takeWhole(free, free.numaFirst ? 'socket' : 'numa'),
    () => alignByUncore && takeFromUncoreCaches(free),
    () => !spread && takeWhole(free, 'core'),
    () => takeSingle(free, spread),
  ];
  for (const step of steps) {
    if (free.satisfied) break;
    step();
  }
  if (!free.satisfied) return { error: 'failed to allocate cpus' };
  return { cpus: [...free.taken].sort((a, b) => a - b) };
}

/** Go's words for fewer free CPUs than are asked for. */
export function notEnough(requested: number, available: number): string {
  return `not enough cpus available to satisfy request: requested=${requested}, available=${available}`;
}

/** All places of a level that are wholly free, as long as whole ones are needed. */
function takeWhole(free: FreeCpus, level: Level): void {
  const { topology } = free;
  const size = (id: number) => {
    if (level === 'socket') return topology.perSocket;
    if (level === 'core') return topology.perCore;
    return cpusIn(topology, level, [id]).length;
  };
  const whole = placesInOrder(free, level).filter((id) => free.in(level, id).length === size(id));
  for (const id of whole) {
    // Of what is free only: the sizes are averages, and where cores differ a place that looks free may be another container's in part.
    const cpus = free.in(level, id);
    if (free.needed >= cpus.length) free.take(cpus);
  }
}

function placesInOrder(free: FreeCpus, level: Level): number[] {
  switch (level) {
    case 'numa':
      return free.numaNodes();
    case 'socket':
      return free.sockets();
    case 'uncore':
      return free.uncoreCaches();
    case 'core':
      return free.cores();
  }
}

function takeFromUncoreCaches(free: FreeCpus): void {
  for (const cache of free.uncoreCaches()) {
    if (free.needed >= free.topology.perUncore) takeWhole(free, 'uncore');
    if (free.satisfied) return;
    takePartOf(free, cache);
    if (free.satisfied) return;
  }
}

/** Takes all that is still needed from one uncore cache, or nothing. */
function takePartOf(free: FreeCpus, cache: number): void {
  const { perCore } = free.topology;
  const inCache = free.in('uncore', cache);
  const cores = [...placesOf(free.topology, 'core', inCache)].sort((a, b) => a - b);
  const wanted = new Set(cores.slice(0, Math.floor((free.needed + perCore - 1) / perCore)));
  let cpus = [...wanted].flatMap((core) => free.in('core', core)).sort((a, b) => a - b);
  // An odd number leaves the last core's sibling.
  if (free.needed % 2 !== 0 && perCore > 1 && cpus.length > free.needed) cpus = cpus.slice(0, -1);
  if (cpus.length === free.needed) free.take(cpus);
}

function takeSingle(free: FreeCpus, spread: boolean): void {
  const level = spread ? 'socket' : 'core';
  for (const cpu of placesInOrder(free, level).flatMap((id) => free.in(level, id))) {
    if (!free.taken.has(cpu)) free.take([cpu]);
    if (free.satisfied) return;
  }
}
