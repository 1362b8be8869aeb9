import { isSidecar } from '../../../k8s/containerTotals.ts';
import { quantityValue } from '../../../k8s/quantity.ts';
import { larger } from '../../../lib/bigints.ts';
import type { Container, Pod } from '../../../types/k8s.ts';

/** Bytes by kind. */
export type MemoryRequest = ReadonlyMap<string, bigint>;

/** The memory and huge pages that a container requests, in bytes. */
export function memoryRequest(container: Container): MemoryRequest {
  const { requests, limits } = container.resources ?? {};
  const found = new Map<string, bigint>();
  // A request that is not set is its limit, as the API server fills it in; static Pods come without it.
  for (const [kind, amount] of Object.entries({ ...limits, ...requests })) {
    if (kind === 'memory' || kind.startsWith('hugepages-')) found.set(kind, quantityValue(amount));
  }
  return found;
}

/** What a Pod's containers need at most at one time; only kinds that a main container asks for. */
export function memoryRequestOfPod({ spec }: Pod): MemoryRequest {
  const sidecars = new Map<string, bigint>();
  const initializing = new Map<string, bigint>();
  const of = (map: ReadonlyMap<string, bigint>, kind: string) => map.get(kind) ?? 0n;
  for (const container of spec?.initContainers ?? []) {
    for (const [kind, size] of memoryRequest(container)) {
      const beside = of(sidecars, kind) + size;
      if (isSidecar(container)) sidecars.set(kind, beside);
      else if (beside > of(initializing, kind)) initializing.set(kind, beside);
    }
  }
  const main = new Map<string, bigint>();
  for (const container of spec?.containers ?? []) {
    for (const [kind, size] of memoryRequest(container)) main.set(kind, of(main, kind) + size);
  }
  return new Map(
    [...main.keys()].map((kind) => {
      return [kind, larger(of(main, kind) + of(sidecars, kind), of(initializing, kind))];
    }),
  );
}
