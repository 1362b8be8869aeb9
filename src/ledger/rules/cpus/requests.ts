import { isSidecar } from '../../../k8s/containerTotals.ts';
import { quantityMilli } from '../../../k8s/quantity.ts';
import type { Container, Pod } from '../../../types/k8s.ts';

/** How many CPUs of its own a container asks for: its request, if that is whole; else none. The Pod must be one that may have some. */
export function ownCpus(container: Container): number {
  const request = container.resources?.requests?.cpu ?? container.resources?.limits?.cpu;
  if (request === undefined) return 0;
  const milli = quantityMilli(request);
  return milli % 1000n === 0n ? Number(milli / 1000n) : 0;
}

/** How many CPUs of their own a Pod's containers need at most at one time. */
export function ownCpusOfPod({ spec }: Pod): number {
  let sidecars = 0;
  let initializing = 0;
  for (const container of spec?.initContainers ?? []) {
    const own = ownCpus(container);
    if (isSidecar(container)) sidecars += own;
    else initializing = Math.max(initializing, sidecars + own);
  }
  const main = (spec?.containers ?? []).reduce((sum, container) => sum + ownCpus(container), 0);
  return Math.max(initializing, main + sidecars);
}
