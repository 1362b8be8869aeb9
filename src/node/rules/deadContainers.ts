import type { ObservedContainer } from '../../cri/observed.ts';
import type { PodEntry } from '../../pods/entry.ts';

/** How many dead containers stay (kubelet's deprecated flags). Negative numbers: no limit. */
export interface DeadContainerPolicy {
  /** A container that was created less than this ago counts nowhere. */
  readonly minAgeMs: number;
  readonly perContainer: number;
  readonly total: number;
}

/** Dead containers of one name in one Pod, newest first. */
interface Unit {
  readonly uid: string;
  readonly dead: readonly ObservedContainer[];
  /** How many of the newest have to stay: the end of a container that is to run again decides how and when it does. */
  readonly locked: number;
}

/** What is looked at of a Pod. */
export type DeadContainerPod = Pick<PodEntry, 'uid' | 'phase' | 'observed'>;

/** Ids of containers to remove, by Pod. */
export type Surplus = ReadonlyMap<string, readonly string[]>;

/** Every dead container of Pods that are over: who is short of space needs them less than anything else. */
export function deadOfFinished(pods: readonly DeadContainerPod[]): Surplus {
  const over = pods.filter(({ phase }) => phase === 'Finished');
  return byPod(
    over
      .flatMap((pod) => units(pod, Number.POSITIVE_INFINITY))
      .flatMap(({ uid, dead }) => dead.map((c) => [uid, c.id])),
  );
}

/**
 * What the limits leave no room for: of each container name the oldest above its own limit; then, where there are too many in all, as many
 * of each as there is room for, one at least; then the oldest of all.
 */
export function surplusDead(pods: readonly DeadContainerPod[], policy: DeadContainerPolicy, wall: number): Surplus {
  const { perContainer, total, minAgeMs } = policy;
  const all = pods.flatMap((pod) => units(pod, wall - minAgeMs));
  const gone: [string, ObservedContainer][] = [];
  const keep = (limit: number) => (unit: Unit) => {
    const kept = Math.max(limit, unit.locked);
    for (const c of unit.dead.slice(kept)) gone.push([unit.uid, c]);
    return { ...unit, dead: unit.dead.slice(0, kept) };
  };
  let left = perContainer < 0 ? all : all.map(keep(perContainer));
  const count = () => left.reduce((sum, { dead }) => sum + dead.length, 0);
  if (total >= 0 && count() > total) {
    left = left.map(keep(Math.max(1, Math.floor(total / left.length))));
    const free = left.flatMap(({ uid, dead, locked }) =>
      dead.slice(locked).map((c): [string, ObservedContainer] => [uid, c]),
    );
    const oldest = free.sort(([, a], [, b]) => a.createdAt - b.createdAt);
    gone.push(...oldest.slice(0, Math.max(0, count() - total)));
  }
  return byPod(gone.map(([uid, { id }]) => [uid, id]));
}

function units({ uid, phase, observed }: DeadContainerPod, createdBefore: number): Unit[] {
  if (phase !== 'Active' && phase !== 'Finished') return []; // whoever ends removes its containers itself
  const byName = Map.groupBy(observed?.containers ?? [], ({ name }) => name);
  return [...byName.values()].flatMap((containers) => {
    const newest = containers[0]; // newest first
    const dead = containers.filter((c) => c.state === 'exited' && c.createdAt <= createdBefore);
    const locked = phase === 'Active' && dead[0] !== undefined && dead[0] === newest ? 1 : 0;
    return dead.length === 0 ? [] : [{ uid, dead, locked }];
  });
}

function byPod(pairs: readonly (readonly [uid: string, id: string])[]): Surplus {
  const grouped = Map.groupBy(pairs, ([uid]) => uid);
  return new Map([...grouped].map(([uid, list]) => [uid, list.map(([, id]) => id)]));
}
