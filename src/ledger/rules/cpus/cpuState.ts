import { common, formatCpuList, union, without } from '../../../k8s/cpuList.ts';
import { goQuote } from '../../../k8s/goText.ts';

/** Which CPUs are whose. A value: every change makes a new one. */
export interface CpuState {
  /** Those that containers without CPUs of their own run on, ascending. */
  readonly shared: readonly number[];
  /** By Pod UID, then container. Containers of a Pod that has CPUs as a whole may stand here with the same ones. */
  readonly exclusive: ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;
  /** By UID: the CPUs of Pods that have some as a whole. */
  readonly pods: ReadonlyMap<string, readonly number[]>;
}

/** Nothing known yet: what an absent file says. */
export const NO_CPU_STATE: CpuState = { shared: [], exclusive: new Map(), pods: new Map() };

/** The CPUs that a container has alone, ascending; undefined: it shares. */
export function exclusiveCpus(state: CpuState, uid: string, container: string): readonly number[] | undefined {
  return state.exclusive.get(uid)?.get(container);
}

/** All CPUs that belong to containers, ascending. */
export function allExclusive(state: CpuState): number[] {
  return union(
    [...state.exclusive.values()].flatMap((of) => [...of.values()].flat()),
    [...state.pods.values()].flat(),
  );
}

/** Gives CPUs of the shared ones (or those that the Pod has already) to a container. */
export function giveCpus(state: CpuState, uid: string, container: string, cpus: readonly number[]): CpuState {
  const ofPod = new Map(state.exclusive.get(uid)).set(container, cpus);
  return { ...state, shared: without(state.shared, cpus), exclusive: new Map(state.exclusive).set(uid, ofPod) };
}

/** Gives shared CPUs to a Pod as a whole. */
export function giveCpusToPod(state: CpuState, uid: string, cpus: readonly number[]): CpuState {
  return { ...state, shared: without(state.shared, cpus), pods: new Map(state.pods).set(uid, cpus) };
}

/** Gives back all that a Pod has; the same value if it has nothing. */
export function returnCpus(state: CpuState, uid: string): CpuState {
  const [ofPod, whole] = [state.exclusive.get(uid), state.pods.get(uid)];
  if (!ofPod && !whole) return state;
  const [exclusive, pods] = [new Map(state.exclusive), new Map(state.pods)];
  exclusive.delete(uid);
  pods.delete(uid);
  const freed = [...(ofPod?.values() ?? [])].flat();
  return { shared: union(state.shared, [...freed, ...(whole ?? [])]), exclusive, pods };
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
    return { ...NO_CPU_STATE, shared: usable };
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
