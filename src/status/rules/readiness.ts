import { isSidecar } from '../../k8s/containerTotals.ts';
import { named } from '../../lib/named.ts';
import type { ContainerStatus, PodSpec } from '../../types/k8s.ts';
import type { ContainerHealth, StatusInput } from './input.ts';

/**
 * `started` and `ready` of main containers: probes decide for running ones; nothing else is ready. Before the runtime was read
 * nothing is known of any container, and what was said last stays.
 */
export function withHealth(status: ContainerStatus, input: StatusInput): ContainerStatus {
  if (!input.runtime) return { ...status, started: status.started ?? false };
  const running = status.state?.running !== undefined && status.state.running !== null;
  const health = healthOf(status.name, input);
  const started = running && (health?.started ?? true);
  return { ...status, started, ready: started && (health?.ready ?? true) };
}

/** As `withHealth` for init containers: a sidecar is judged as a main container, any other is ready once it succeeded. */
export function withInitHealth(status: ContainerStatus, spec: PodSpec, input: StatusInput): ContainerStatus {
  const container = named(spec.initContainers, status.name);
  const judged = withHealth(status, input);
  if (container && isSidecar(container)) return judged;
  return { ...judged, ready: status.state?.terminated?.exitCode === 0 };
}

function healthOf(name: string, input: StatusInput): ContainerHealth | undefined {
  return Object.hasOwn(input.health, name) ? input.health[name] : undefined;
}
