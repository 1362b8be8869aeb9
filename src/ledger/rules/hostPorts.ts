import type { Container, Pod } from '../../types/k8s.ts';
import type { HostPort } from '../types.ts';

const ALL_ADDRESSES = '0.0.0.0';

/**
 * The host ports that a Pod needs for as long as it runs: those of its containers and of its sidecars. Plain init containers
 * are left out, as the scheduler leaves them out.
 */
export function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === 'Always');
  return [...sidecars, ...(pod.spec?.containers ?? [])].flatMap(portsOf);
}

function portsOf(container: Container): HostPort[] {
  return (container.ports ?? []).flatMap(({ hostIP, protocol, hostPort }) =>
    hostPort !== undefined && hostPort > 0
      ? [{ hostIP: hostIP || ALL_ADDRESSES, protocol: protocol || 'TCP', port: hostPort }]
      : [],
  );
}

/**
 * Whether two host ports exclude each other: same port and protocol, and the same address or one of them on all addresses.
 * `0.0.0.0` alone means "all", `::` does not: the scheduler compares like this, and both must agree.
 */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.hostIP === b.hostIP || a.hostIP === ALL_ADDRESSES || b.hostIP === ALL_ADDRESSES;
}

/** Whether any wanted port collides with one that is held. Wanted ports are not compared with each other. */
export function anyPortConflict(wanted: readonly HostPort[], held: readonly HostPort[]): boolean {
  return wanted.some((want) => held.some((other) => portsConflict(want, other)));
}
