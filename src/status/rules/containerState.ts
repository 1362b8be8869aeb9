import type { ObservedContainer } from '../../cri/observed.ts';
import { rfc3339 } from '../../k8s/rfc3339.ts';
import type { ContainerState, ContainerStateTerminated, ContainerStatus } from '../../types/k8s.ts';
import { joinMessages } from './terminationMessages.ts';
import { containerStatusUnknown, lostWhenTerminated, restartingAllContainers, unknownExitCode } from './words.ts';

/** A container's id as the API shows it. */
export function apiContainerId(runtimeName: string, id: string): string {
  return `${runtimeName}://${id}`;
}

/** `state.terminated` of an exited container. A start time that the runtime never set shows as 1970, as with the Go kubelet. */
function terminatedState(container: ObservedContainer, runtimeName: string): ContainerStateTerminated {
  const message = joinMessages(container.message, container.terminationMessage);
  return {
    exitCode: container.exitCode,
    ...(container.reason ? { reason: container.reason } : {}),
    ...(message ? { message } : {}),
    startedAt: rfc3339(container.startedAt),
    finishedAt: rfc3339(container.finishedAt),
    containerID: apiContainerId(runtimeName, container.id),
  };
}

/** State and restart count of the newest container of its name, given what was reported before. */
export function observedState(
  container: ObservedContainer,
  old: ContainerStatus | undefined,
  runtimeName: string,
  restartingAll: boolean,
): { state: ContainerState; restartCount: number } {
  const oldCount = old?.restartCount ?? 0;
  const restartCount = Math.max(container.restartCount, oldCount);
  if (container.state === 'exited')
    return { state: { terminated: terminatedState(container, runtimeName) }, restartCount };
  if (container.state === 'running') {
    // RestartAllContainers removes the old containers and their counts with them, so the reported count goes on.
    const replaced = old?.containerID !== apiContainerId(runtimeName, container.id);
    const restarted = replaced && old?.state?.terminated && oldCount >= container.restartCount;
    const state = { running: { startedAt: rfc3339(container.startedAt) } };
    return { state, restartCount: restarted ? oldCount + 1 : restartCount };
  }
  if (container.state === 'unknown')
    return lostState(container, old, runtimeName, restartingAll) ?? { state: { waiting: {} }, restartCount };
  return { state: { waiting: {} }, restartCount };
}

// The runtime has the container but not its state. If it ran before it counts as ended with an error: "waiting" would let a
// run-once Pod run twice.
function lostState(
  container: ObservedContainer,
  old: ContainerStatus | undefined,
  runtimeName: string,
  restartingAll: boolean,
): { state: ContainerState; restartCount: number } | undefined {
  const sameContainer = old?.containerID === apiContainerId(runtimeName, container.id);
  const atLeast = Math.max(old?.restartCount ?? 0, container.restartCount);
  if (old?.state?.terminated && sameContainer) return { state: old.state, restartCount: atLeast };
  if (!old?.state?.running) return undefined;
  const reason = restartingAll ? restartingAllContainers : containerStatusUnknown;
  const restartCount = Math.max(old.restartCount + 1, container.restartCount);
  return { state: { terminated: lostContainer(lostWhenTerminated, reason) }, restartCount };
}

/** The end of a container that nobody saw. */
export function lostContainer(message: string, reason: string = containerStatusUnknown): ContainerStateTerminated {
  return { exitCode: unknownExitCode, reason, message };
}

/** `lastState` of the newest container: how the one before it ended. */
export function lastStateOf(
  newest: ObservedContainer,
  older: ObservedContainer | undefined,
  old: ContainerStatus | undefined,
  runtimeName: string,
): ContainerState {
  const replaced = old?.containerID !== apiContainerId(runtimeName, newest.id);
  // Its own lost end may have moved here already, while it waits for the next start.
  const moved = newest.state === 'unknown' && !replaced && old?.lastState?.terminated;
  if (older?.state === 'exited' && !moved) return { terminated: terminatedState(older, runtimeName) };
  // After RestartAllContainers the runtime has no older container; what was reported must not be lost.
  if (replaced && old?.state?.terminated) return { terminated: old.state.terminated };
  return old?.lastState?.terminated ? { terminated: old.lastState.terminated } : {};
}
