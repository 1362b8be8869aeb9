// A Pod that has memory as a whole: some of its containers have their part of it alone, the others share what is left.
import { isSidecar } from '../../../k8s/containerTotals.ts';
import type { Container, Pod } from '../../../types/k8s.ts';
import type { Wants } from '../wants.ts';
import type { MemoryRequest } from './requests.ts';

/** Why nothing would be left for a container that shares, in Go's words; undefined: each has something. `total`: the Pod's memory. */
export function emptyPool({ spec }: Pod, wants: Wants, total: MemoryRequest): string | undefined {
  const taken = new Map<string, bigint>();
  let shares = false;
  const take = (container: Container) => {
    const own = wants.memory(container);
    shares ||= own.size === 0;
    for (const [kind, size] of own) taken.set(kind, (taken.get(kind) ?? 0n) + size);
  };
  const used = () => [...total].find(([kind, size]) => (taken.get(kind) ?? 0n) >= size)?.[0];
  for (const container of spec?.initContainers ?? []) {
    if (isSidecar(container)) take(container);
    else if (wants.memory(container).size === 0 && used() !== undefined)
      return `pod rejected, pod has shared init containers but no ${used()} available for them`;
  }
  for (const container of spec?.containers ?? []) take(container);
  const kind = shares ? used() : undefined;
  if (kind === undefined) return undefined;
  return `pod rejected, sum of exclusive container ${kind} requests equals pod budget, leaving no memory for shared containers`;
}

/** Divides the Pod's memory, by container: as divideCpus does CPUs. */
export function divideMemory({ spec }: Pod, wants: Wants, total: MemoryRequest): ReadonlyMap<string, MemoryRequest> {
  const parts = new Map<string, MemoryRequest>();
  let left = total;
  for (const [containers, keeps] of [
    [spec?.initContainers ?? [], isSidecar],
    [spec?.containers ?? [], () => true],
  ] as const) {
    for (const container of containers) {
      const own = wants.memory(container);
      if (own.size === 0 && keeps(container)) continue;
      parts.set(container.name, some(own.size === 0 ? left : own));
      if (own.size > 0 && keeps(container)) left = less(left, own);
    }
  }
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return new Map(all.map(({ name }) => [name, parts.get(name) ?? some(left)]));
}

function less(from: MemoryRequest, own: MemoryRequest): MemoryRequest {
  return new Map([...from].map(([kind, size]) => [kind, size - (own.get(kind) ?? 0n)]));
}

function some(of: MemoryRequest): MemoryRequest {
  return new Map([...of].filter(([, size]) => size > 0n));
}
