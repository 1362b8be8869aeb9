import type { PodStatus } from '../../types/k8s.ts';
import type { StatusInput } from './input.ts';
import { previousStatus } from './input.ts';

type Addresses = Pick<PodStatus, 'hostIP' | 'hostIPs' | 'podIP' | 'podIPs'>;

/** The four address fields: Pod addresses from the newest sandbox or kept from before, and the node's own. */
export function addresses(input: StatusInput): Addresses {
  const before = previousStatus(input);
  const podIPs = hostNetworkIPs(input, runtimeIPs(input, before), before);
  const hostIPs = input.hostIPs.slice(0, 2).map(canonicalIP);
  return {
    ...(hostIPs.length > 0
      ? { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) }
      : pick(before, ['hostIP', 'hostIPs'])),
    ...(podIPs.length > 0 ? { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) } : {}),
  };
}

/** One address of each family, the node's primary family first, each in its canonical form. */
export function sortPodIPs(ips: readonly string[], primary: 4 | 6): string[] {
  const first = ips.find((ip) => familyOf(ip) === primary);
  const second = ips.find((ip) => familyOf(ip) !== primary);
  return [first, second].filter((ip) => ip !== undefined).map(canonicalIP);
}

/** 4 or 6; no check that the text is an address. */
function familyOf(ip: string): 4 | 6 {
  return ip.includes(':') ? 6 : 4;
}

/** 010.000.000.001 → 10.0.0.1, fd01:0:0::1 → fd01::1; what is not an address stays as it is. */
export function canonicalIP(ip: string): string {
  if (familyOf(ip) === 4) return /^\d+(\.\d+){3}$/.test(ip) ? ip.split('.').map(Number).join('.') : ip;
  const url = URL.parse(`http://[${ip}]/`);
  return url ? url.hostname.slice(1, -1) : ip;
}

// The network of a stopped sandbox is gone, but the API promises a finished Pod's addresses. Only a ready sandbox
// without an address clears them.
function runtimeIPs(input: StatusInput, before: PodStatus): string[] {
  const sandboxes = input.runtime?.sandboxes ?? [];
  const newest = sandboxes[0];
  const seen = newest?.ready ? sortPodIPs(newest.ips, input.nodePrimaryFamily) : [];
  if (seen.length > 0) return seen;
  if (sandboxes.some((sandbox) => sandbox.ready)) return [];
  return knownIPs(before);
}

// A hostNetwork Pod shows the node's addresses: fixed once set, except that a second family may come later.
function hostNetworkIPs(input: StatusInput, ips: string[], before: PodStatus): string[] {
  if (!input.pod.spec?.hostNetwork) return ips;
  const own = ips.length > 0 ? ips : knownIPs(before);
  const [primary, secondary] = input.hostIPs.slice(0, 2).map(canonicalIP);
  const result = own.length > 0 ? own : primary ? [primary] : [];
  if (secondary && result.length === 1 && familyOf(result[0]!) !== familyOf(secondary)) return [...result, secondary];
  return result;
}

function knownIPs(status: PodStatus): string[] {
  if (status.podIPs?.length) return status.podIPs.map(({ ip }) => ip);
  return status.podIP ? [status.podIP] : [];
}

function pick<Key extends keyof PodStatus>(status: PodStatus, keys: readonly Key[]): Partial<Pick<PodStatus, Key>> {
  const result: Partial<Pick<PodStatus, Key>> = {};
  for (const key of keys) if (status[key] !== undefined) result[key] = status[key];
  return result;
}
