import type { DeviceHold } from '../../pods/facts.ts';
import { type ContainerView, type PodViews, podViews } from '../../pods/rules/views.ts';
import type { AllocatedPod, Pod } from '../../types/k8s.ts';
import { isQuiet, mayRunAgain, planEphemeral, planMain } from './containers.ts';
import { collectDead } from './gc.ts';
import { imageState } from './images.ts';
import { planImageVolumes } from './imageVolumes.ts';
import { initMayRestart, planInit } from './initContainers.ts';
import { lastRun } from './replacement.ts';
import { planAllocation, planResize } from './resize.ts';
import { initFailed, restartsAfterKill } from './restart.ts';
import { planRestartAll } from './restartAll.ts';
import { planSandbox, sandboxChanged } from './sandbox.ts';
import { isOpen, retryAt, slot } from './slots.ts';
import { because, emitOnce, launch, monoOf, type Turn, wake } from './turn.ts';
import { planVolumes } from './volumes.ts';

/** Moves an admitted Pod towards its spec. Returns true when it ran to its end: nothing of it may start again. */
export function planActive(turn: Turn, pod: AllocatedPod): boolean {
  const views = podViews(turn.facts, pod);
  watchDeadline(turn, pod);
  planAllocation(turn, pod);
  if (planRestartAll(turn, pod, views)) return false;
  if (isCompleted(turn, pod, views) || isLost(turn, pod, views)) return true;
  if (!prepared(turn)) {
    prefetch(turn, views);
    return false;
  }
  const awaitsCgroup = planResize(turn, pod, views);
  const imageVolumes = planImageVolumes(turn, pod, views.all);
  const volumesReady = planVolumes(turn, pod);
  const sandbox = planSandbox(turn, pod, views);
  if (!sandbox) {
    prefetch(turn, views);
    return false;
  }
  const leave = { volumesReady, imageVolumes, ...(awaitsCgroup && { awaitsCgroup }) };
  planEphemeral(turn, views, sandbox, leave);
  const init = planInit(turn, pod, views, sandbox, leave);
  if (init === 'failed') return true;
  if (init === 'done') planMain(turn, pod, views, sandbox, leave);
  else prefetch(turn, views);
  collectDead(turn, views, sandbox.id);
  return isEnding(turn, pod, views);
}

/**
 * Every main container is down for good, or on its way there: a failed probe is ending it, and its policy is Never. From here on the Pod
 * ends as a whole, as in the Go kubelet: sidecars neither restart nor are probed for liveness while the last preStop hooks run.
 */
function isEnding(turn: Turn, pod: Pod, views: PodViews): boolean {
  return views.main.every((v) => overForGood(turn, pod, v) || killedForGood(turn, pod, v));
}

function killedForGood(turn: Turn, pod: Pod, { container, current }: ContainerView): boolean {
  const kill = current?.state === 'running' ? turn.memory.kills[current.id] : undefined;
  return (kill?.reason === 'liveness' || kill?.reason === 'startup') && !restartsAfterKill(pod, container);
}

function overForGood(turn: Turn, pod: Pod, v: ContainerView): boolean {
  const last = lastRun(v);
  return last?.state === 'exited' && isQuiet(turn, v) && !mayRunAgain(turn, pod, v, last);
}

/** Every container is down for good: the main ones ended and may not run again, or an init container failed for good. */
function isCompleted(turn: Turn, pod: Pod, views: PodViews): boolean {
  if (!turn.facts.runtime) return false;
  const initFailedForGood = views.init.some(
    (v) =>
      v.kind === 'init' &&
      v.latest &&
      initFailed(v.latest) &&
      v.latest.state === 'exited' &&
      !initMayRestart(pod, v, v.latest),
  );
  if (initFailedForGood) return true;
  return views.main.every((v) => overForGood(turn, pod, v));
}

/**
 * The sandbox of a run-once Pod is gone, and something of the Pod has run in it: nothing may run twice, init containers
 * included, so the Pod is over. The Go kubelet makes no new sandbox either, but leaves the Pod Pending for ever if a container
 * of it never started; here it ends as Failed.
 */
function isLost(turn: Turn, pod: Pod, views: PodViews): boolean {
  if (pod.spec?.restartPolicy !== 'Never') return false;
  const all = [...views.init, ...views.main];
  if (all.some(({ kind, container: c }) => kind !== 'sidecar' && c.restartPolicy !== undefined)) return false;
  if (sandboxChanged(pod, turn.facts.runtime?.sandboxes ?? []) === undefined) return false;
  return isOpen(turn.facts, 'sandbox') && all.some((v) => v.latest && v.latest.state !== 'created');
}

function prepared(turn: Turn): boolean {
  const s = slot(turn.facts, 'prepare');
  if (s.last && !s.last.error) return true;
  const retry =
    s.last?.error && !s.running ? { error: s.last.error.message, retryAt: retryAt(turn.facts, 'prepare') } : {};
  because(turn, { code: 'PreparingPod', ...retry });
  if (s.last?.error) {
    const { reason, message } = s.last.error;
    emitOnce(turn, 'preparefailed', s.last.endedAt, { type: 'Warning', reason, message });
  }
  launch(turn, { kind: 'preparePod', slot: 'prepare' });
  return false;
}

/** Images are looked for and pulled beside everything else, not one container after the other. */
function prefetch(turn: Turn, views: PodViews): void {
  const mains = views.main.filter((v) => !v.latest);
  const inits = views.init.filter((v) => !v.latest);
  for (const view of [...inits, ...mains]) imageState(turn, view);
  // Until the first init container has done its work, main containers wait for it whatever their image does.
  if (views.init.length > 0) for (const view of mains) delete turn.waiting[view.name];
}

/** activeDeadlineSeconds counts from status.startTime. */
export function deadlineOf(turn: Turn, pod: Pod): number | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  const start = turn.memory.status?.startTime ?? pod.status?.startTime;
  if (seconds === undefined || start === undefined) return undefined;
  return Date.parse(start) + seconds * 1000;
}

function watchDeadline(turn: Turn, pod: Pod): void {
  const deadline = deadlineOf(turn, pod);
  if (deadline !== undefined) wake(turn, monoOf(turn, deadline));
}

/** Asks the ledger. Returns true once the Pod is admitted. */
export function planAdmission(turn: Turn): boolean {
  const { admission } = turn.facts;
  if (admission.state === 'admitted') return true;
  if (admission.state === 'rejected') return false;
  if (admission.state === 'allocating') return planDevices(turn, admission);
  if (admission.state === 'waiting') because(turn, { code: 'Preempting', victims: admission.victims });
  else because(turn, { code: 'Admission' });
  const { last } = slot(turn.facts, 'ledger');
  // Once it has the question the ledger answers by itself; a question that failed is put again.
  if (isOpen(turn.facts, 'ledger') && (!last || last.error)) launch(turn, { kind: 'reserve', slot: 'ledger' });
  return false;
}

/** The Pod has its place, and its devices are held: their plug-ins are told. Never true: the action's outcome is the admission. */
function planDevices(turn: Turn, { devices, awaits }: DeviceHold): false {
  if (awaits.length > 0) because(turn, { code: 'AwaitingDevicePlugin', resources: awaits });
  else because(turn, { code: 'AllocatingDevices', devices });
  launch(turn, { kind: 'allocateDevices', slot: 'devices' });
  return false;
}

/** Rejection is final: the Pod is Failed and nothing of it ever starts. */
export function rejection(turn: Turn): { reason: string; message: string } | undefined {
  const { admission } = turn.facts;
  if (admission.state !== 'rejected') return undefined;
  const { reason, message, lost } = admission;
  because(turn, { code: 'Rejected', reason, message, ...(lost !== undefined && { lost }) });
  emitOnce(turn, 'rejected', 1, { type: 'Warning', reason: admission.reason, message: admission.message });
  return admission;
}
