import { goQuote } from '../../k8s/goText.ts';
import type { ContainerState, ContainerStatus, PodStatus } from '../../types/k8s.ts';

/** Which container's log is meant, or why there is none: the sentence that kubectl shows. */
export type LogContainer = { readonly id: string } | { readonly id?: undefined; readonly problem: string };

/** Chooses by the Pod's status as kubelet does (validateContainerLogStatus). The id has its runtime's prefix. */
export function containerForLog(
  podName: string,
  status: PodStatus,
  containerName: string,
  previous: boolean,
): LogContainer {
  const subject = `container ${goQuote(containerName)} in pod ${goQuote(podName)}`;
  const found = statusOf(status, containerName);
  if (!found) return { problem: `${subject} is not available` };
  const state: ContainerState = found.state ?? {};
  const last = found.lastState?.terminated;
  if (previous) {
    return last?.containerID ? { id: last.containerID } : { problem: `previous terminated ${subject} not found` };
  }
  if (state.running) return { id: found.containerID ?? '' };
  if (state.terminated) {
    // A container that never came to be has no id of its own: the log is the one before it.
    const id = state.terminated.containerID || last?.containerID;
    return id ? { id } : { problem: `${subject} is terminated` };
  }
  if (last) return last.containerID ? { id: last.containerID } : { problem: `${subject} is terminated` };
  if (state.waiting) return { problem: `${subject} is waiting to start: ${waitingText(state.waiting.reason)}` };
  return { problem: `${subject} is waiting to start - no logs yet` };
}

function waitingText(reason: string | undefined): string {
  if (reason === 'ErrImagePull') return "image can't be pulled";
  if (reason === 'ImagePullBackOff') return 'trying and failing to pull image';
  return reason ?? '';
}

function statusOf(status: PodStatus, name: string): ContainerStatus | undefined {
  const groups = [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses];
  for (const group of groups) {
    const found = group?.find((c) => c.name === name);
    if (found) return found;
  }
  return undefined;
}

/** `containerd://ID` → `ID`. */
export function bareId(id: string): string {
  return id.slice(id.indexOf('://') < 0 ? 0 : id.indexOf('://') + 3).replace(/^"|"$/g, '');
}
