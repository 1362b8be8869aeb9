import { common, formatCpuList, union, without } from '../../../k8s/cpuList.ts';
import { goQuote } from '../../../k8s/goText.ts';

/** Which CPUs are whose. A value: every change makes a new one. */
export interface CpuState {
  /** Those that containers without CPUs of their own run on, ascending. */
  readonly shared: readonly number[];
  /** By Pod UID, then container. */
  readonly exclusive: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;
}

/** Nothing known yet: what an absent file says. */
export const NO_CPU_STATE: CpuState = { shared: [], exclusive: new Map() };

export function exclusiveCpus(state: CpuState, uid: string, container: string): readonly number[] | undefined {
  return state.exclusive.get(uid)?.get(container);
}

/** All CPUs that belong to containers, ascending. */
export function allExclusive(state: CpuState): number[] {
  return union(
    [...state.exclusive.values()].flatMap((of) => [...of.values()].flat()),
    [],
  );
}

/** Gives CPUs of the shared ones (or those that the Pod has already) to a container. */
export function giveCpus(state: CpuState, uid: string, container: string, cpus: readonly number[]): CpuState {
  const ofPod = new Map(state.exclusive.get(uid)).set(container, cpus);
  return { shared: without(state.shared, cpus), exclusive: new Map(state.exclusive).set(uid, ofPod) };
}

/** Gives back all that a Pod has; the same value if it has nothing. */
export function returnCpus(state: CpuState, uid: string): CpuState {
  const ofPod = state.exclusive.get(uid);
  if (!ofPod) return state;
  const exclusive = new Map(state.exclusive);
  exclusive.delete(uid);
  return { shared: union(state.shared, [...ofPod.values()].flat()), exclusive };
}

/** What the machine and the configuration say that a state must fit to. */
export interface CpuBounds {
  readonly all: readonly number[];
  readonly reserved: readonly number[];
  readonly strict: boolean;
}

/** Checks what a file says against the machine; a state that says nothing yet becomes the initial one. Throws with Go's refusal. */
export function checkCpuState(state: CpuState, { all, reserved, strict }: CpuBounds): CpuState {
  const usable = strict ? without(all, reserved) : all;
  const { shared } = state;
  if (shared.length === 0) {
    if (state.exclusive.size > 0) throw new Error('default cpuset cannot be empty');
    return { shared: usable, exclusive: new Map() };
  }
  const both = common(reserved, shared);
  const quote = (cpus: readonly number[]) => goQuote(formatCpuList(cpus));
  if (strict && both.length > 0) {
    throw new Error(`some of strictly reserved cpus: ${quote(both)} are present in defaultCpuSet: ${quote(shared)}`);
  }
  if (!strict && both.length < reserved.length) {
    throw new Error(`not all reserved cpus: ${quote(reserved)} are present in defaultCpuSet: ${quote(shared)}`);
  }
  for (const [pod, containers] of state.exclusive) {
    for (const [container, cpus] of containers) {
      if (common(cpus, shared).length === 0) continue;
      throw new Error(
        `pod: ${pod}, container: ${container} cpuset: ${quote(cpus)} overlaps with default cpuset ${quote(shared)}`,
      );
    }
  }
  const known = union(shared, allExclusive(state));
  if (formatCpuList(known) !== formatCpuList(usable)) {
    throw new Error(`current set of available CPUs ${quote(usable)} doesn't match with CPUs in state ${quote(known)}`);
  }
  return state;
}
