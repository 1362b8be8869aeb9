import { heardOf } from '../../probes/rules/heard.ts';
import type { ContainerHealth } from '../../status/rules/input.ts';
import type { Pod, PodStatus } from '../../types/k8s.ts';
import type { PodFacts } from './facts.ts';
import type { ContainerView } from './view.ts';

/** What the API server has as the Pod's status; a static Pod's is its mirror's. */
export function apiStatus(facts: PodFacts, pod: Pod | null): PodStatus | undefined {
  return facts.accepted ?? (facts.origin === 'api' ? pod?.status : undefined);
}

/**
 * `started` and `ready` of the running container `containerId` by its probes. While a probe has reached no verdict, what the API
 * says of this same container stands, so that a new start of the agent changes nothing; a container unknown there is neither.
 * The Go kubelet believes its API status only of containers that started 10 s before it, for it does not compare the ids, and
 * takes the Pod's Ready condition for that of its containers (ChangeContainerStatusOnKubeletRestart is off since 1.35).
 */
export function probedHealth(facts: PodFacts, view: ContainerView, containerId: string): ContainerHealth {
  const probe = facts.probes[view.name];
  const said = probe?.containerId === containerId ? probe : undefined;
  const heard = heardOf(apiStatus(facts, facts.pod), containerId);
  const { startupProbe, readinessProbe } = view.container;
  const started = !startupProbe || (said?.started ?? heard?.started ?? false);
  const ready = started && (!readinessProbe || (said?.ready ?? heard?.ready ?? false));
  return { started, ready };
}
