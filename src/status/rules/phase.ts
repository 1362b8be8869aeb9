import { isSidecar } from '../../k8s/containerTotals.ts';
import type { Container, ContainerStateTerminated, ContainerStatus, PodSpec } from '../../types/k8s.ts';
import { restartsAfter } from './restartPolicy.ts';
import { restartingAllContainers } from './words.ts';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Beside the statuses, what the phase depends on. */
export interface PhaseFacts {
  /** The Pod is being ended and all its containers are stopped: restart policies no longer count. */
  readonly over: boolean;
  /** A main container of the current sandbox was started, so a sidecar that restarts does not make the Pod Pending again. */
  readonly initialized: boolean;
  /** A static Pod never gets a terminal phase just because it is being stopped. */
  readonly isStatic: boolean;
}

/** A phase that a Pod never leaves. */
export function isTerminal(phase: string | undefined): phase is 'Succeeded' | 'Failed' {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** The phase that the statuses of init and main containers stand for (pod lifecycle, "Pod phase"). */
export function phaseOf(spec: PodSpec, statuses: readonly ContainerStatus[], facts: PhaseFacts): PodPhase {
  const byName = new Map(statuses.map((status) => [status.name, status]));
  const init = countInit(spec, byName);
  if (init.failedForGood) return 'Failed';
  const sidecars = countSidecars(spec, byName);
  const main = countMain(spec, byName);

  const running = sidecars.running + main.running;
  const unknown = sidecars.unknown + main.unknown;
  const initializing = init.pending || (sidecars.pending && !facts.initialized);
  if (initializing || sidecars.waiting + main.waiting > 0) return 'Pending';
  if (unknown > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (main.stopped === 0) return 'Pending';
  const outcome = main.stopped === main.succeeded ? 'Succeeded' : 'Failed';
  if (facts.over && !facts.isStatic) return outcome;
  return main.stopped === main.stoppedForGood ? outcome : 'Running';
}

function countInit(spec: PodSpec, byName: Map<string, ContainerStatus>) {
  const counts = { pending: false, failedForGood: false };
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const status = byName.get(container.name);
    const ended = lastEnd(status);
    if (!ended) counts.pending = true;
    else if (ended.exitCode !== 0 && !willRestart(container, spec, ended)) counts.failedForGood = true;
  }
  return counts;
}

// A sidecar that ended counts for nothing: only main containers decide how the Pod ends.
function countSidecars(spec: PodSpec, byName: Map<string, ContainerStatus>) {
  const counts = { pending: false, running: 0, waiting: 0, unknown: 0 };
  for (const container of spec.initContainers ?? []) {
    if (!isSidecar(container)) continue;
    const status = byName.get(container.name);
    const state = stateOf(status);
    if (state === 'running') {
      counts.running++;
      if (!status?.started) counts.pending = true;
    } else if (state === 'waiting') {
      counts.pending = true;
      counts.waiting++;
    } else if (state === 'unknown') {
      if (status) counts.pending = true;
      counts.unknown++;
    }
  }
  return counts;
}

function countMain(spec: PodSpec, byName: Map<string, ContainerStatus>) {
  const counts = { running: 0, waiting: 0, unknown: 0, stopped: 0, stoppedForGood: 0, succeeded: 0 };
  for (const container of spec.containers) {
    const status = byName.get(container.name);
    const state = stateOf(status);
    if (state !== 'stopped') {
      counts[state]++;
      continue;
    }
    counts.stopped++;
    if (status?.state?.terminated?.exitCode === 0) counts.succeeded++;
    const ended = lastEnd(status);
    if (ended && !willRestart(container, spec, ended)) counts.stoppedForGood++;
  }
  return counts;
}

function stateOf(status: ContainerStatus | undefined): 'running' | 'waiting' | 'stopped' | 'unknown' {
  if (status?.state?.running) return 'running';
  if (status?.state?.terminated) return 'stopped';
  if (!status?.state?.waiting) return 'unknown';
  // Waiting for its next start, as in CrashLoopBackOff, is not waiting for the first one.
  return status.lastState?.terminated ? 'stopped' : 'waiting';
}

function lastEnd(status: ContainerStatus | undefined): ContainerStateTerminated | undefined {
  if (status?.state?.running) return undefined;
  if (status?.state?.terminated) return status.state.terminated;
  return status?.state?.waiting ? (status.lastState?.terminated ?? undefined) : undefined;
}

function willRestart(container: Container, spec: PodSpec, ended: ContainerStateTerminated): boolean {
  return restartsAfter(container, spec, ended.exitCode) || ended.reason === restartingAllContainers;
}
