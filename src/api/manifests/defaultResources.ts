import { containerTotal, isPodLevelResource } from '../../k8s/podResources.ts';
import { amountsOf } from '../../k8s/resourceAmounts.ts';
import type { Mutable, Pod } from '../../types/k8s.ts';

const NANO_PER_MILLI = 1_000_000n;

/**
 * Completes `spec.resources` where the manifest gives a part of it (KEP-2837): limits of huge pages from the containers, then requests
 * from what the containers request, then requests from the limits.
 */
export function defaultPodResources(pod: Mutable<Pod>): void {
  const resources = pod.spec?.resources;
  if (!resources) return;
  const given = (list: object | undefined) => Object.keys(list ?? {}).length > 0;
  if (given(resources.limits) || given(resources.requests)) {
    const limits: Record<string, string> = { ...resources.limits };
    for (const [name, nano] of containerTotal(pod as Pod, 'limits')) {
      if (name.startsWith('hugepages-') && resources.requests?.[name] === undefined) limits[name] ??= nanoText(nano);
    }
    if (given(limits)) resources.limits = limits;
  }
  if (!given(resources.limits)) return;
  const requests: Record<string, string> = { ...resources.requests };
  for (const [name, nano] of containerTotal(pod as Pod, 'requests')) {
    if (name === 'cpu' || name === 'memory') requests[name] ??= nanoText(nano);
  }
  for (const [name, limit] of Object.entries(resources.limits ?? {})) {
    if (isPodLevelResource(name)) requests[name] ??= limit;
  }
  if (given(requests)) resources.requests = requests;
}

/** Amounts finer than a thousandth are rounded up to one, as the API server does. */
export function rounded(list: Readonly<Record<string, string>>): Record<string, string> {
  const amounts = amountsOf(list);
  return Object.fromEntries(
    Object.entries(list).map(([name, text]) => {
      const nano = amounts.get(name) ?? 0n;
      return [name, nano % NANO_PER_MILLI === 0n ? text : nanoText(nano)];
    }),
  );
}

function nanoText(nano: bigint): string {
  const milli = (nano + NANO_PER_MILLI - 1n) / NANO_PER_MILLI;
  return milli % 1000n === 0n ? String(milli / 1000n) : `${milli}m`;
}
