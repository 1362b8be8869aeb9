import type { ObservedContainer } from '../../cri/observed.ts';
import type { ContainerView } from '../../pods/rules/views.ts';
import type { Pod } from '../../types/k8s.ts';
import type { Kill } from './memory.ts';
import { restartsAfterKill } from './restart.ts';
import { isStarting } from './starting.ts';
import { noted, type Turn } from './turn.ts';

/*
 * A container that is stopped in order to run again: its definition changed, a probe gave it up, its sandbox is made anew. The Go kubelet
 * stops it and starts its successor in one sync, whatever the restart policy makes of the exit code, and writes no status in between. If
 * that one start fails, or the kubelet is killed before it, the next sync knows nothing of the stop: the policy decides, and the end is told.
 */

/** The newest container of that name that was started; one that is only made has no end to speak of. */
export function lastRun(view: ContainerView): ObservedContainer | undefined {
  return view.history.find((c) => c.state !== 'created');
}

/** The container that has ended (or was lost) and whose successor is to start in the same go; undefined: its restart policy has the word. */
export function replacedRun(turn: Turn, pod: Pod, view: ContainerView): ObservedContainer | undefined {
  const last = view.history.find((c) => !isStarting(turn, c));
  // One that was lost while it was being stopped is stopped on and replaced all the same.
  const over = last?.state === 'exited' || last?.state === 'unknown';
  const kill = over ? turn.memory.kills[last.id] : undefined;
  return kill && !kill.successorFailed && isReplaced(kill, pod, view) ? last : undefined;
}

function isReplaced({ reason }: Kill, pod: Pod, { container }: ContainerView): boolean {
  switch (reason) {
    case 'definition':
    case 'resize':
      return true;
    case 'liveness':
    case 'startup':
      return restartsAfterKill(pod, container);
    case 'sandbox':
      // Behind init containers main ones start in a later sync, which asks the policy.
      return pod.spec?.restartPolicy !== 'Never' && !pod.spec?.initContainers?.length;
    case 'hook':
    case 'unknown':
      return false;
  }
}

/** The successor's start failed, or must wait out a back-off: from here on the restart policy decides. */
export function replacementFailed(turn: Turn, view: ContainerView): void {
  const last = lastRun(view);
  if (last) fail(turn, [last.id]);
}

/** No sandbox can be made for the successors now. */
export function sandboxReplacementsFailed(turn: Turn): void {
  const { kills } = turn.memory;
  fail(
    turn,
    Object.keys(kills).filter((id) => kills[id]?.reason === 'sandbox'),
  );
}

function fail(turn: Turn, ids: readonly string[]): void {
  for (const id of ids) {
    const kill = turn.memory.kills[id];
    if (kill && !kill.successorFailed)
      turn.memory.kills = noted(turn, turn.memory.kills, id, { ...kill, successorFailed: true });
  }
}
