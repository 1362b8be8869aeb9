// A Pod that has CPUs as a whole: some of its containers have their part of them alone, the others share what is left.
import { isSidecar } from '../../../k8s/containerTotals.ts';
import { without } from '../../../k8s/cpuList.ts';
import type { Pod } from '../../../types/k8s.ts';
import type { Wants } from '../wants.ts';
import type { Picked } from './packed.ts';

/** Why nothing would be left for a container that shares, in Go's words; undefined: each has something. `total`: the Pod's CPUs. */
export function emptyPool({ spec }: Pod, wants: Wants, total: number): string | undefined {
  let taken = 0;
  let shares = false;
  for (const container of spec?.initContainers ?? []) {
    const own = wants.cpus(container);
    if (isSidecar(container)) {
      taken += own;
      shares ||= own === 0;
    } else if (own === 0 && taken >= total) {
      return 'pod rejected, pod has shared init containers but no cpus available for them';
    }
  }
  for (const container of spec?.containers ?? []) {
    const own = wants.cpus(container);
    taken += own;
    shares ||= own === 0;
  }
  if (!shares || taken < total) return undefined;
  return 'pod rejected, sum of exclusive container cpu requests equals pod budget, leaving no cpus for shared containers';
}

/**
 * Divides the Pod's CPUs. Sidecars keep theirs; what an init container had is free when it has ended; an init container without its own
 * has all that sidecars leave, and everybody else shares what no container has alone.
 */
export function divideCpus(
  { spec }: Pod,
  wants: Wants,
  whole: readonly number[],
  pick: (from: readonly number[], count: number) => Picked,
): { readonly cpus: ReadonlyMap<string, readonly number[]> } | { readonly error: string } {
  const parts = new Map<string, readonly number[]>();
  let left = whole;
  for (const [containers, keeps] of [
    [spec?.initContainers ?? [], isSidecar],
    [spec?.containers ?? [], () => true],
  ] as const) {
    for (const container of containers) {
      const count = wants.cpus(container);
      if (count === 0) {
        if (!keeps(container)) parts.set(container.name, left);
        continue;
      }
      const picked = pick(left, count);
      if ('error' in picked) return picked;
      parts.set(container.name, picked.cpus);
      if (keeps(container)) left = without(left, picked.cpus);
    }
  }
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return { cpus: new Map(all.map(({ name }) => [name, parts.get(name) ?? left])) };
}
