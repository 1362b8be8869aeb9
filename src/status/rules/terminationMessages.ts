import type { ContainerState, ContainerStatus, PodSpec } from '../../types/k8s.ts';

/** All termination messages of one Pod share 12 KiB, evenly by container. */
const maxPodTerminationMessageBytes = 12 * 1024;

/** The runtime's message, then what the process left in its termination message file. */
export function joinMessages(runtimeMessage: string, terminationMessage: string): string {
  if (terminationMessage === '') return runtimeMessage;
  return runtimeMessage === '' ? terminationMessage : `${runtimeMessage}: ${terminationMessage}`;
}

/** Bytes that each container of the Pod may say. */
export function messageBudget(spec: PodSpec): number {
  const count = spec.containers.length + (spec.initContainers?.length ?? 0) + (spec.ephemeralContainers?.length ?? 0);
  return Math.floor(maxPodTerminationMessageBytes / Math.max(count, 1));
}

/** At most `bytes` of UTF-8; a character cut in two is left out, where Go would write U+FFFD. */
export function truncateUtf8(text: string, bytes: number): string {
  if (text.length * 3 <= bytes) return text;
  const target = new Uint8Array(bytes);
  const { read, written } = new TextEncoder().encodeInto(text, target);
  return written === 0 ? '' : text.slice(0, read);
}

/** The status with the messages of its two states cut to the budget; the same object if nothing is too long. */
export function withinBudget(status: ContainerStatus, bytes: number): ContainerStatus {
  const state = cutState(status.state, bytes);
  const lastState = cutState(status.lastState, bytes);
  return state === status.state && lastState === status.lastState ? status : { ...status, state, lastState };
}

function cutState(state: ContainerState | undefined, bytes: number): ContainerState | undefined {
  const message = state?.terminated?.message;
  if (!state?.terminated || !message) return state;
  const cut = truncateUtf8(message, bytes);
  return cut === message ? state : { ...state, terminated: { ...state.terminated, message: cut } };
}
