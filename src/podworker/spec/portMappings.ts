import type { PortMapping, Protocol } from '../../cri/generated/runtime.ts';
import type { Container, ContainerPort, Pod } from '../../types/k8s.ts';

/**
 * The port mappings of a sandbox: every port of the regular containers, with a host port or without; a name or an unnamed
 * port's tuple that a container has twice is taken once. Init containers' ports are left out, as in the Go kubelet, even those
 * of sidecars.
 */
export function portMappings(pod: Pod): PortMapping[] {
  return (pod.spec?.containers ?? []).flatMap(containerPortMappings);
}

function containerPortMappings(container: Container): PortMapping[] {
  const seen = new Set<string>();
  const mappings: PortMapping[] = [];
  for (const port of container.ports ?? []) {
    const key = portKey(port);
    if (seen.has(key)) continue;
    seen.add(key);
    mappings.push({
      protocol: protocolOf(port),
      containerPort: port.containerPort,
      hostPort: port.hostPort ?? 0,
      hostIp: port.hostIP ?? '',
    });
  }
  return mappings;
}

/** One port may be there once for each address family (kubernetes#82373). */
function portKey(port: ContainerPort): string {
  if (port.name) return port.name;
  const ip = port.hostIP ?? '';
  const family = ip === '' ? 'any' : ip.includes(':') ? 'v6' : 'v4';
  return `${family}-${port.protocol ?? ''}-${ip}:${port.containerPort}:${port.hostPort ?? 0}`;
}

/** An unknown protocol, which the API server would not let through, is TCP. */
function protocolOf(port: ContainerPort): Protocol {
  return port.protocol === 'UDP' || port.protocol === 'SCTP' ? port.protocol : 'TCP';
}
