import type { Pod } from '../../../types/k8s.ts';
import type { Rejection } from '../../types.ts';
import { containersOf } from './containers.ts';
import type { AllocationError, Hint, HintProvider, Hints } from './hints.ts';
import { lostHints } from './lostHints.ts';
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

/**
 * Lets the providers give to a Pod's containers, in their order, each near to the others as far as the policy asks. After a rejection
 * what the providers hold is to be thrown away. `asPod`: the Pod has resources as a whole (Wants).
 */
export function admitByTopology(
  pod: Pod,
  settings: TopologySettings,
  providers: readonly HintProvider[],
  asPod = false,
): TopologyDecision {
  const { policy, scope } = settings;
  const affinities = new Map<string, Hint>();
  const refusal = (what: string, hints: readonly Hints[]): TopologyDecision => ({
    rejection: {
      ...(asPod ? podLevelAffinity(scope) : TOPOLOGY_AFFINITY),
      ...(policy && { lost: lostHints(policy, hints, what) }),
    },
    affinities,
  });
  const ofPod = policy !== null && scope === 'pod' ? providers.map((p) => p.podHints()) : undefined;
  const whole = policy && ofPod && mergeHints(policy, ofPod);
  if (whole && !whole.admit) return refusal('the Pod', ofPod);
  if (whole && asPod) {
    for (const { name } of containersOf(pod)) affinities.set(name, whole.hint);
    const error = firstError(providers, (provider) => provider.allocatePod(whole.hint));
    return { ...(error && { rejection: rejectionOf(error) }), affinities };
  }
  for (const container of containersOf(pod)) {
    const hints = policy === null || whole ? [] : providers.map((p) => p.hints(container));
    const merged = policy === null ? undefined : (whole ?? mergeHints(policy, hints));
    if (merged && !merged.admit) return refusal(`container ${container.name}`, hints);
    const affinity = merged?.hint ?? ANYWHERE;
    affinities.set(container.name, affinity);
    const error = firstError(providers, (provider) => provider.allocate(container, affinity));
    if (error) return { rejection: rejectionOf(error), affinities };
  }
  return { affinities };
}

/** Whether a Pod that has resources as a whole is given them at once, and not to one container after the other. */
export function givesToPods({ policy, scope }: TopologySettings): boolean {
  return policy !== null && scope === 'pod';
}

function podLevelAffinity(scope: TopologySettings['scope']): Rejection {
  const how = scope === 'pod' ? 'under pod-scope topology manager' : 'with a container-level topology manager';
  return { ...TOPOLOGY_AFFINITY, message: `Pod Scope pod with pod-level resources failed admission ${how}` };
}

function firstError(
  providers: readonly HintProvider[],
  ask: (provider: HintProvider) => AllocationError | undefined,
): AllocationError | undefined {
  for (const provider of providers) {
    const error = ask(provider);
    if (error) return error;
  }
  return undefined;
}

function rejectionOf({ reason, message }: AllocationError): Rejection {
  if (reason !== undefined) return { reason, message };
  return { reason: 'UnexpectedAdmissionError', message: `Allocate failed due to ${message}, which is unexpected` };
}
