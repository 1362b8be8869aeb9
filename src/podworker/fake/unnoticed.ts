// For tests: what is seen of a Pod while its agent is killed or changes something in place must not change.
import type { PodStatus } from '../../types/k8s.ts';
import type { FakeWorld } from './fakeWorld.ts';

/** Ready and since when; of each container its id, started, ready and restarts. */
export function seenOf({ conditions = [], initContainerStatuses = [], containerStatuses = [] }: PodStatus): string[] {
  const ready = conditions.find(({ type }) => type === 'Ready');
  return [
    `Ready ${ready?.status} since ${ready?.lastTransitionTime}`,
    ...[...initContainerStatuses, ...containerStatuses].map(
      (c) => `${c.name} ${c.containerID} started=${c.started} ready=${c.ready} restarts=${c.restartCount}`,
    ),
  ];
}

/** Begins to watch these Pods. The function that it returns fails when any status that was written since showed one otherwise. */
export function unnoticed({ statuses }: FakeWorld, uids: readonly string[]): () => void {
  const before = uids.map((uid) => {
    const written = statuses.get(uid) ?? [];
    return { uid, seen: seenOf(written.at(-1) ?? {}), count: written.length };
  });
  return () => {
    for (const { uid, seen, count } of before) {
      expect(seen[0]).toMatch(/^Ready True since 2/);
      for (const later of statuses.get(uid)?.slice(count) ?? []) expect(seenOf(later)).toEqual(seen);
    }
  };
}
