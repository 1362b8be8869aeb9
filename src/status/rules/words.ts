// Words and numbers that clients match on, as kubelet 1.36 writes them.

export const containerCreating = 'ContainerCreating';
export const podInitializing = 'PodInitializing';
export const restartingAllContainers = 'RestartingAllContainers';
export const restartingAllContainersMessage = 'The container is removed because RestartAllContainers in place';

export const containerStatusUnknown = 'ContainerStatusUnknown';
export const lostWhenTerminated = 'The container could not be located when the pod was terminated';
export const lostWhenDeleted =
  'The container could not be located when the pod was deleted.  The container used to be Running';
/** 128 + SIGKILL: the code for a container whose end nobody saw. */
export const unknownExitCode = 137;

export const lostInitContainerMessage =
  'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally';

/** Condition types that only the kubelet writes. */
export const kubeletConditionTypes: ReadonlySet<string> = new Set([
  'PodScheduled',
  'Ready',
  'Initialized',
  'ContainersReady',
  'PodResizeInProgress',
  'PodResizePending',
  'PodReadyToStartContainers',
  'AllContainersRestarting',
]);

/** The condition type that the kubelet shares with the eviction API, the scheduler and the taint manager. */
export const disruptionTarget = 'DisruptionTarget';
