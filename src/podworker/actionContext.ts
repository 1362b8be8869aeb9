import type { PodEvent } from '../events/event.ts';
import type { FactUpdate } from '../pods/updates.ts';
import type { AllocatedPod } from '../types/k8s.ts';
import type { ActionContext } from './outcome.ts';
import type { PodFacts } from './rules/facts.ts';

/** The worker that the action is done for. */
interface ActingWorker {
  /** Monotonic ms at which its Pod was first heard of. */
  readonly heardAt: number;
  event(event: PodEvent): void;
  learn(update: FactUpdate): void;
  outdated(containerIds: readonly string[]): void;
}

/** What an action gets to work with; `facts`: the snapshot that it was decided from. */
export function actionContext(
  facts: PodFacts,
  signal: AbortSignal,
  { heardAt, event, learn, outdated }: ActingWorker,
): ActionContext {
  // Actions of a Pod without a spec (found in the runtime only) get the little that is known of it.
  const pod = facts.pod ?? { metadata: { name: facts.name, namespace: facts.namespace, uid: facts.uid } };
  return {
    pod: pod as AllocatedPod,
    ...{ facts, signal, heardAt, event, outdated },
    pull: (container, state) => learn({ kind: 'pull', container, state }),
    volumeWait: (volume, message) => learn({ kind: 'volumeWait', volume, message }),
    claimWait: (message) => learn({ kind: 'claimWait', message }),
    actuated: (resources) => learn({ kind: 'actuated', resources }),
  };
}
