import type { ObservedContainer } from '../../cri/observed.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import type { Container, ContainerStatus, ContainerUser } from '../../types/k8s.ts';
import { apiContainerId, lastStateOf, lostContainer, observedState } from './containerState.ts';
import type { StatusInput } from './input.ts';
import { containerResources } from './resources.ts';
import { volumeMountStatuses } from './volumeMounts.ts';
import {
  containerCreating,
  lostWhenDeleted,
  podInitializing,
  restartingAllContainers,
  restartingAllContainersMessage,
  unknownExitCode,
} from './words.ts';

/** One turn's view shared by all containers of the Pod. */
export interface StatusTurn {
  readonly input: StatusInput;
  readonly hasInitContainers: boolean;
  /** Containers that are gone were removed by RestartAllContainers. */
  readonly restartingAll: boolean;
}

/** The status of a container that the runtime holds, with its last end. */
export function statusFromRuntime(
  container: Container,
  observed: readonly [ObservedContainer, ...ObservedContainer[]],
  old: ContainerStatus | undefined,
  { input, restartingAll }: StatusTurn,
): ContainerStatus {
  const [newest, older] = observed;
  const containerID = apiContainerId(input.runtimeName, newest.id);
  const volumeMounts = volumeMountStatuses(container, old, input);
  const deviceHealth = ownEntry(input.deviceHealth, container.name) ?? old?.allocatedResourcesStatus;
  return {
    name: container.name,
    ...observedState(newest, old, input.runtimeName, restartingAll),
    lastState: lastStateOf(newest, older, old, input.runtimeName),
    ready: false,
    image: newest.image,
    // The digest reference, not the id: what clients expect here since long before CRI.
    imageID: newest.imageRef,
    containerID,
    ...containerResources(container, newest, old, input, containerID),
    ...(volumeMounts ? { volumeMounts } : {}),
    ...(newest.user ? { user: containerUser(newest.user) } : {}),
    ...(deviceHealth?.length ? { allocatedResourcesStatus: deviceHealth } : {}),
    ...(input.stopSignals && newest.stopSignal ? { stopSignal: newest.stopSignal } : {}),
  };
}

/** The status of a container that the runtime does not hold: not made yet, or gone. */
export function statusWithoutContainer(
  container: Container,
  old: ContainerStatus | undefined,
  turn: StatusTurn,
): ContainerStatus {
  // Stays until the next start or a new reason to wait; the Go kubelet writes once more, to show the default reason.
  const fresh = notStarted(container, old, turn);
  if (old?.state?.waiting?.reason === restartingAllContainers)
    return { ...fresh, state: { waiting: old.state.waiting } };
  if (turn.restartingAll && old && !old.state?.waiting) return removedForRestart(fresh);
  if (old?.state?.terminated) return old;
  if (!old?.state?.running || fresh.lastState?.terminated) return fresh;
  // It ran and is gone. With an end of its own it counts as stopped, and the Pod does not fall back to Pending.
  const deleted = turn.input.pod.metadata?.deletionTimestamp !== undefined;
  return {
    ...fresh,
    lastState: { terminated: lostContainer(lostWhenDeleted) },
    restartCount: deleted ? fresh.restartCount : fresh.restartCount + 1,
  };
}

/** Waiting for its first start, or its next one if it ran before. */
export function notStarted(container: Container, old: ContainerStatus | undefined, turn: StatusTurn): ContainerStatus {
  const volumeMounts = volumeMountStatuses(container, undefined, turn.input);
  const deviceHealth = ownEntry(turn.input.deviceHealth, container.name);
  return {
    name: container.name,
    state: { waiting: { reason: turn.hasInitContainers ? podInitializing : containerCreating } },
    lastState: old?.lastState?.terminated ? { terminated: old.lastState.terminated } : {},
    ready: false,
    restartCount: old?.restartCount ?? 0,
    image: container.image ?? '',
    imageID: '',
    ...(volumeMounts ? { volumeMounts } : {}),
    ...(deviceHealth?.length ? { allocatedResourcesStatus: deviceHealth } : {}),
  };
}

function removedForRestart(fresh: ContainerStatus): ContainerStatus {
  const words = { reason: restartingAllContainers, message: restartingAllContainersMessage };
  return {
    ...fresh,
    state: { waiting: words },
    lastState: { terminated: { ...words, exitCode: unknownExitCode } },
    restartCount: fresh.restartCount + 1,
  };
}

function containerUser(user: NonNullable<ObservedContainer['user']>): ContainerUser {
  const { uid, gid, supplementalGroups } = user;
  return { linux: { uid, gid, ...(supplementalGroups.length > 0 ? { supplementalGroups } : {}) } };
}
