import type { Container, Pod } from '../../../types/k8s.ts';
import type { Rejection } from '../../types.ts';
import type { AllocationError, Hint, HintProvider } from './hints.ts';
import { mergeHints, type TopologyPolicy } from './policies.ts';

/** How the topology manager is set up; policy null: none, then everybody gives from where they like. */
export interface TopologySettings {
  readonly policy: TopologyPolicy | null;
  readonly scope: 'container' | 'pod';
}

/** Kubelet's rejection of a Pod whose resources cannot be near to each other. */
const TOPOLOGY_AFFINITY: Rejection = {
  reason: 'TopologyAffinityError',
  message: 'Resources cannot be allocated with Topology locality',
};

const ANYWHERE: Hint = { nodes: null, preferred: false };

/** What was decided of one Pod. */
export interface TopologyDecision {
  readonly rejection?: Rejection;
  /** The merged hint of each container that was reached, by name; of all of them with scope pod. */
  readonly affinities: ReadonlyMap<string, Hint>;
}

/** Init containers first, as they start. */
export function containersOf(pod: Pod): readonly Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/**
 * Lets the providers give to a Pod's containers, in their order, each near to the others as far as the policy asks. After a rejection
 * what the providers hold is to be thrown away.
 */
export function admitByTopology(
  pod: Pod,
  { policy, scope }: TopologySettings,
  providers: readonly HintProvider[],
): TopologyDecision {
  const affinities = new Map<string, Hint>();
  const whole =
    policy !== null && scope === 'pod'
      ? mergeHints(
          policy,
          providers.map((p) => p.podHints()),
        )
      : undefined;
  if (whole && !whole.admit) return { rejection: TOPOLOGY_AFFINITY, affinities };
  for (const container of containersOf(pod)) {
    const merged =
      policy === null
        ? undefined
        : (whole ??
          mergeHints(
            policy,
            providers.map((p) => p.hints(container)),
          ));
    if (merged && !merged.admit) return { rejection: TOPOLOGY_AFFINITY, affinities };
    const affinity = merged?.hint ?? ANYWHERE;
    affinities.set(container.name, affinity);
    for (const provider of providers) {
      const error = provider.allocate(container, affinity);
      if (error) return { rejection: rejectionOf(error), affinities };
    }
  }
  return { affinities };
}

function rejectionOf({ reason, message }: AllocationError): Rejection {
  if (reason !== undefined) return { reason, message };
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${message}, which is unexpected` };
}
