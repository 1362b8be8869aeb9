import type { ListedPod, ObservedPod } from '../../cri/observed.ts';

/** Whether a full list of the runtime shows other containers or states of a Pod than are known; undefined: the list does not have it. */
export function differsFromList(known: ObservedPod | null, listed: ListedPod | undefined): boolean {
  if (!known) return false;
  const states = (pod: Pick<ListedPod, 'containers' | 'sandboxes'> | undefined): string => {
    const containers = (pod?.containers ?? []).map((c) => `${c.id}=${c.state}`);
    const sandboxes = (pod?.sandboxes ?? []).map((s) => `${s.id}=${s.ready}`);
    return [...containers, ...sandboxes].sort().join();
  };
  return states(known) !== states(listed);
}
