import type { HugepageLimit } from '../../cri/generated/runtime.ts';
import { hasPodLevelResources } from '../../k8s/podResources.ts';
import { amountOf, amountsOf, wholeValue } from '../../k8s/resourceAmounts.ts';
import type { AllocatedPod, Container } from '../../types/k8s.ts';

const PREFIX = 'hugepages-';
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/**
 * A container's limit for every page size that the kernel has: its own, else the Pod's, else 0. `sizes` are in the form of
 * pageSizeName.
 */
export function hugepageLimits(pod: AllocatedPod, container: Container, sizes: readonly string[]): HugepageLimit[] {
  const wanted = new Map<string, number>();
  const lists = [hasPodLevelResources(pod) ? pod.spec?.resources?.limits : undefined, container.resources?.limits];
  for (const list of lists) {
    for (const [resource, amount] of amountsOf(list)) {
      const size = resource.startsWith(PREFIX) ? pageSizeName(resource.slice(PREFIX.length)) : undefined;
      if (size !== undefined) wanted.set(size, wholeValue(amount));
    }
  }
  return sizes.map((pageSize) => ({ pageSize, limit: wanted.get(pageSize) ?? 0 }));
}

/** `2Mi` as the runtime and the kernel's file names write it: `2MB`; undefined when it is no page size. */
function pageSizeName(quantity: string): string | undefined {
  let size = wholeValue(amountOf({ quantity }, 'quantity'));
  if (size <= 0) return undefined;
  let unit = 0;
  while (size % 1024 === 0 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return size > 1024 && unit < UNITS.length - 1 ? undefined : `${size}${UNITS[unit]}`;
}
