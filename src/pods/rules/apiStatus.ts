import type { ContainerStatus, Pod, PodStatus } from '../../types/k8s.ts';
import type { PodOrigin } from '../facts.ts';

/** What the API server's status of a Pod is known by. */
export interface ApiStatusFacts {
  readonly origin: PodOrigin;
  readonly pod: Pod | null;
  readonly accepted?: PodStatus | undefined;
}

/** What the API server has as the Pod's status; a static Pod's is its mirror's. */
export function apiStatus({ accepted, origin, pod }: ApiStatusFacts): PodStatus | undefined {
  return accepted ?? (origin === 'api' ? pod?.status : undefined);
}

/** What a status says of main and init containers. */
export function containerStatuses(status: PodStatus | undefined): readonly ContainerStatus[] {
  return [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
}
