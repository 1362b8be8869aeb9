// From the runtime's messages to facts. Pure.
import { bounded } from '../lib/bounded.ts';
import type {
  ContainerOut,
  ContainerStatusOut,
  LinuxContainerResourcesOut,
  PodSandboxOut,
  PodSandboxStatusOut,
  ContainerState as RuntimeState,
  Signal,
} from './generated/runtime.ts';
import type {
  ContainerState,
  ListedContainer,
  ListedSandbox,
  ObservedContainer,
  ObservedResources,
  ObservedSandbox,
  ObservedUser,
} from './observed.ts';

/** The kubelet's labels on everything it makes. */
export const POD_UID_LABEL = 'io.kubernetes.pod.uid';
export const POD_NAME_LABEL = 'io.kubernetes.pod.name';
export const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
export const CONTAINER_NAME_LABEL = 'io.kubernetes.container.name';
/** The kubelet's annotations on containers. */
export const CONTAINER_HASH = 'io.kubernetes.container.hash';
const RESTART_COUNT = 'io.kubernetes.container.restartCount';
export const TERMINATION_MESSAGE_PATH = 'io.kubernetes.container.terminationMessagePath';
export const TERMINATION_MESSAGE_POLICY = 'io.kubernetes.container.terminationMessagePolicy';

const STATES: Record<RuntimeState, ContainerState> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
  CONTAINER_UNKNOWN: 'unknown',
};

/** Nanoseconds as a decimal string → milliseconds, to the microsecond; 0 stays 0. */
function millis(nanoseconds: string): number {
  return Number(nanoseconds.slice(0, -3)) / 1000;
}

/** A state of this version, or `unknown` for one of a later version. */
export function containerState(state: RuntimeState): ContainerState {
  return STATES[state] ?? 'unknown';
}

export function listedContainer(c: ContainerOut): ListedContainer {
  const attempt = c.metadata?.attempt ?? 0;
  return {
    id: c.id,
    sandboxId: c.podSandboxId,
    name: c.labels[CONTAINER_NAME_LABEL] ?? c.metadata?.name ?? '',
    attempt,
    state: containerState(c.state),
    createdAt: millis(c.createdAt),
    image: c.image?.userSpecifiedImage || c.image?.image || '',
    imageRef: c.imageRef,
    imageId: c.imageId || c.imageRef,
    hash: c.annotations[CONTAINER_HASH] ?? '',
    restartCount: restartCount(c.annotations[RESTART_COUNT], attempt),
    annotations: kubeletOnly(c.annotations),
  };
}

export function listedSandbox(s: PodSandboxOut): ListedSandbox {
  return {
    id: s.id,
    attempt: s.metadata?.attempt ?? 0,
    ready: s.state === 'SANDBOX_READY',
    createdAt: millis(s.createdAt),
    runtimeHandler: s.runtimeHandler,
    annotations: kubeletOnly(s.annotations),
  };
}

/** A container of which only the list is known: one that was not started yet. */
export function unstarted(c: ListedContainer): ObservedContainer {
  const never = {
    startedAt: 0,
    finishedAt: 0,
    exitCode: 0,
    reason: '',
    message: '',
    terminationMessage: '',
    logPath: '',
  };
  return { ...c, ...never };
}

/** A container with its details. The status was read after the list, so its state wins. */
export function detailed(c: ListedContainer, s: ContainerStatusOut, terminationMessage: string): ObservedContainer {
  const user = userOf(s);
  const resources = resourcesOf(s.resources?.linux ?? null);
  const stopSignal = signalName(s.stopSignal);
  return {
    ...c,
    state: containerState(s.state),
    startedAt: millis(s.startedAt),
    finishedAt: millis(s.finishedAt),
    exitCode: s.exitCode,
    reason: bounded(s.reason, 1024),
    message: bounded(s.message),
    terminationMessage,
    image: s.image?.userSpecifiedImage || s.image?.image || c.image,
    imageRef: s.imageRef || c.imageRef,
    imageId: s.imageId || c.imageId,
    logPath: s.logPath,
    ...(user && { user }),
    ...(resources && { resources }),
    ...(stopSignal && { stopSignal }),
  };
}

/** A sandbox with what only its status tells. */
export function detailedSandbox(listed: ListedSandbox, s: PodSandboxStatusOut): ObservedSandbox {
  const hostNetwork = s.linux?.namespaces?.options?.network === 'NODE';
  return { ...listed, ready: s.state === 'SANDBOX_READY', ips: addresses(s), hostNetwork };
}

function addresses(s: PodSandboxStatusOut): string[] {
  if (!s.network) return [];
  return [s.network.ip, ...s.network.additionalIps.map((more) => more.ip)].filter((ip) => ip !== '');
}

function restartCount(annotation: string | undefined, attempt: number): number {
  return annotation !== undefined && /^\d+$/.test(annotation) ? Number(annotation) : attempt;
}

/** The kubelet's own annotations among others. */
export function kubeletOnly(annotations: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith('io.kubernetes.')));
}

/** The API's name: SIGRTMIN+3 for SIGRTMINPLUS3. Undefined where the runtime did not say. */
function signalName(signal: Signal): string | undefined {
  return signal === 'RUNTIME_DEFAULT' ? undefined : signal.replace('PLUS', '+').replace('MINUS', '-');
}

function userOf(s: ContainerStatusOut): ObservedUser | undefined {
  const linux = s.user?.linux;
  if (!linux) return undefined;
  const supplementalGroups = linux.supplementalGroups.map(Number);
  return { uid: Number(linux.uid), gid: Number(linux.gid), supplementalGroups };
}

// In this message 0 means "not set".
function resourcesOf(linux: LinuxContainerResourcesOut | null): ObservedResources | undefined {
  if (!linux) return undefined;
  const known: [keyof ObservedResources, string][] = [
    ['cpuShares', linux.cpuShares],
    ['cpuQuota', linux.cpuQuota],
    ['cpuPeriod', linux.cpuPeriod],
    ['memoryLimitBytes', linux.memoryLimitInBytes],
  ];
  return Object.fromEntries(known.filter(([, value]) => value !== '0').map(([key, value]) => [key, Number(value)]));
}

/**
 * Newest first: by attempt, which only grows while an older one is there (the clock may be set back); then by creation, then by id so
 * that equals keep one order.
 */
export function newestFirst(
  a: { createdAt: number; attempt: number; id: string },
  b: { createdAt: number; attempt: number; id: string },
): number {
  return b.attempt - a.attempt || b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1);
}
