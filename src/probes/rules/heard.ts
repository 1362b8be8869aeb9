import { containerStatuses } from '../../pods/rules/apiStatus.ts';
import type { PodStatus } from '../../types/k8s.ts';

/** What a status says of one container id. */
export interface Heard {
  readonly started: boolean;
  readonly ready: boolean;
}

/**
 * What the API's status (of a static Pod: its mirror's) says of the container with this id. It is to be believed until a probe
 * of this process says otherwise: a restart of the agent is no news about a container. Undefined when the status knows no such
 * id: a container that was replaced while the agent was away inherits nothing from the one before it.
 */
export function heardOf(status: PodStatus | undefined, containerId: string): Heard | undefined {
  const same = containerStatuses(status).find((c) => c.containerID?.endsWith(`//${containerId}`));
  if (!same) return undefined;
  return { started: same.started ?? same.ready, ready: same.ready };
}
