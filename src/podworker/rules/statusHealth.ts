import type { ObservedContainer } from '../../cri/observed.ts';
import { named } from '../../lib/named.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { containerStatuses } from '../../pods/rules/apiStatus.ts';
import type { ContainerView } from '../../pods/rules/views.ts';
import type { ContainerHealth, StatusInput } from '../../status/rules/input.ts';
import type { Pod, PodStatus, ResourceStatus } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import type { PodFacts } from './facts.ts';
import { probedHealth } from './health.ts';
import { slot } from './slots.ts';
import type { Turn } from './turn.ts';

/** What was said of them last. One with a readiness probe is not ready while it is down: the probe would find that out. */
export function healthBefore(
  views: readonly ContainerView[],
  previous: PodStatus | undefined,
  runs: ReadonlyMap<string, ObservedContainer>,
): Record<string, ContainerHealth> {
  const said = containerStatuses(previous);
  const health: Record<string, ContainerHealth> = {};
  for (const { name, container } of views) {
    if (!runs.has(name)) continue;
    const before = named(said, name);
    health[name] = {
      started: before?.started ?? true,
      ready: !container.readinessProbe && (before?.ready ?? true),
    };
  }
  return health;
}

/** Health of the devices that containers have (KEP-4680). Of main containers only, as in the Go kubelet. */
export function deviceHealth(
  { devices = {}, claims = {}, node }: PodFacts,
  pod: Pod,
): Pick<StatusInput, 'deviceHealth'> {
  if (!node.deviceHealth || Object.keys({ ...devices, ...claims }).length === 0) return {};
  const health: Record<string, ResourceStatus[]> = {};
  for (const { name } of pod.spec?.containers ?? [])
    health[name] = [
      ...(ownEntry(devices, name) ?? []).map(({ resource, devices: held }) => ({
        name: resource,
        resources: held.map(({ id, healthy }) => ({ resourceID: id, health: healthy ? 'Healthy' : 'Unhealthy' })),
      })),
      ...(ownEntry(claims, name) ?? []).map(({ name: claim, devices: held }) => ({
        name: claim,
        resources: held.map(({ id, ...state }) => ({ resourceID: id, ...state })),
      })),
    ];
  return { deviceHealth: health };
}

/** started and ready per container: by its probes; without any, as soon as it runs and its postStart is over. */
export function healthOf(turn: Turn, views: readonly ContainerView[]): Record<string, ContainerHealth> {
  const health: Record<string, ContainerHealth> = {};
  for (const view of views) {
    const c = view.current;
    if (c?.state !== 'running') continue;
    const { startupProbe, readinessProbe } = view.container;
    const hook =
      slot(turn.facts, slotOf.postStart(view.name)).running !== undefined ||
      turn.taken.has(slotOf.postStart(view.name));
    if (hook) health[view.name] = { started: false, ready: false };
    else if (startupProbe || readinessProbe) health[view.name] = probedHealth(turn.facts, view, c.id);
  }
  return health;
}
