import type { ObservedPod } from '../../cri/observed.ts';
import type { Pod } from '../../types/k8s.ts';

/** What a Pod's addresses follow from. */
export interface PodAddressFacts {
  readonly runtime: ObservedPod | null;
  readonly pod: Pod | null;
  readonly node: { readonly hostIPs: readonly string[]; readonly primaryFamily: 4 | 6 };
}

/** The Pod's addresses, those of the node's primary family first; the node's own for a Pod on its network. */
export function podIPsOf({ runtime, pod, node }: PodAddressFacts): string[] {
  const sandbox = runtime?.sandboxes[0];
  const ips = sandbox && sandbox.ips.length > 0 ? sandbox.ips : pod?.spec?.hostNetwork ? node.hostIPs : [];
  const family = (ip: string) => (ip.includes(':') ? 6 : 4);
  const primary = ips.filter((ip) => family(ip) === node.primaryFamily);
  return [...primary, ...ips.filter((ip) => !primary.includes(ip))];
}
