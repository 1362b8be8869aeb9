import type { Checkpoint } from './actions.ts';
import type { PodMemory } from './memory.ts';
import { slot } from './slots.ts';
import { terminationCauses } from './terminationCauses.ts';
import { launch, type Turn } from './turn.ts';

/** The part of memory that a restart must not forget; undefined when there is nothing worth a write. */
function checkpointOf(turn: Turn): Checkpoint | undefined {
  const { facts, memory } = turn;
  const { termination } = memory;
  const noteworthy = termination && terminationCauses[termination.cause].after !== 'found';
  if (!noteworthy && Object.keys(memory.preStop).length === 0) return undefined;
  return {
    uid: facts.uid,
    namespace: facts.namespace,
    name: facts.name,
    preStop: memory.preStop,
    ...(termination
      ? {
          termination: {
            cause: termination.cause,
            graceSeconds: termination.graceSeconds,
            deadline: termination.deadline,
            ...(termination.reason !== undefined ? { reason: termination.reason } : {}),
            ...(termination.message !== undefined ? { message: termination.message } : {}),
            ...(termination.condition ? { condition: termination.condition } : {}),
          },
        }
      : {}),
  };
}

/** Writes the checkpoint when it differs from the one last written. */
export function planCheckpoint(turn: Turn): void {
  if (turn.memory.phase === 'Finished') return;
  // Without a spec a worker stays passive until every source has reported.
  if (!turn.facts.pod && !turn.facts.sourcesReady) return;
  const checkpoint = checkpointOf(turn);
  if (!checkpoint) return;
  const last = slot(turn.facts, 'checkpoint').last;
  const tried = last?.action.kind === 'saveCheckpoint' ? last.action.checkpoint : undefined;
  const same = tried !== undefined && JSON.stringify(tried) === JSON.stringify(checkpoint);
  if (same && !last?.error) return;
  // Another note than the one that failed is tried at once: something waits for this very one.
  const retry = last?.error && !same ? 'now' : 'backoff';
  launch(turn, { kind: 'saveCheckpoint', slot: 'checkpoint', checkpoint }, retry);
}

/** Memory of a Pod found again after a restart: hooks that had begun count as done, the deadline goes on. */
export function restore(memory: PodMemory, checkpoint: Checkpoint | undefined): PodMemory {
  if (!checkpoint) return memory;
  const preStop: Record<string, { begun: number; ended: number }> = {};
  for (const [id, hook] of Object.entries(checkpoint.preStop))
    preStop[id] = { begun: hook.begun, ended: hook.ended ?? hook.begun };
  const t = checkpoint.termination;
  if (!t || terminationCauses[t.cause].onlyWhileAsked) return { ...memory, preStop };
  const termination = { ...t, since: t.deadline - t.graceSeconds * 1000 } as NonNullable<PodMemory['termination']>;
  return { ...memory, preStop, termination };
}
