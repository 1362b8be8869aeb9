import type { ObservedContainer, ObservedSandbox } from '../../cri/observed.ts';
import type { ContainerView, PodViews } from '../../pods/rules/views.ts';
import type { AllocatedPod, Pod } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import { bringUp, type Leave } from './bringUp.ts';
import { probedHealth } from './health.ts';
import { type KillCause, killFor } from './killCause.ts';
import { lastRun, replacedRun } from './replacement.ts';
import { initFailed, restartsAfterKill, shouldRestart } from './restart.ts';
import { busy, isOpen, slot } from './slots.ts';
import { isStartedHere, startingSince } from './starting.ts';
import { noteKill, planOf, stopContainer } from './stop.ts';
import { because, launch, type Turn } from './turn.ts';

/** postStart runs once after a start made by this process; after a restart of ours a running container counts as done. */
export function postStart(turn: Turn, view: ContainerView): 'done' | 'running' | 'failed' {
  const c = view.current;
  if (c?.state !== 'running' || !view.container.lifecycle?.postStart) return 'done';
  const since = startingSince(turn.facts, c);
  if (since !== undefined) {
    because(turn, { code: 'StartingContainer', container: view.name, since });
    return 'running';
  }
  if (!isStartedHere(turn.facts, c)) return 'done';
  const name = slotOf.postStart(view.name);
  const s = slot(turn.facts, name);
  if (s.running) {
    because(turn, { code: 'PostStartHook', container: view.name, since: s.running.since });
    return 'running';
  }
  if (s.last?.action.kind === 'postStart' && s.last.action.containerId === c.id)
    return s.last.error ? 'failed' : 'done';
  launch(turn, { kind: 'postStart', slot: name, container: view.name, containerId: c.id }, 'now');
  because(turn, { code: 'PostStartHook', container: view.name, since: turn.now.mono });
  return 'running';
}

/** Stops a running container whose definition changed, that a probe gave up, or whose postStart failed. */
function killIfNeeded(
  turn: Turn,
  pod: AllocatedPod,
  view: ContainerView,
  hook: 'done' | 'running' | 'failed',
): boolean {
  const c = view.current;
  if (!c) return false;
  const cause: KillCause | undefined = killFor(turn.facts, pod, view, hook);
  const known = turn.memory.kills[c.id];
  if (!cause && !known) return false;
  const kill = known ?? noteKill(turn, c.id, cause!);
  because(turn, { code: 'RestartingContainer', container: view.name, message: kill.message });
  stopContainer(turn, c, view, planOf(kill));
  return true;
}

/** State of a plain init container's turn. */
type InitTurn = 'done' | 'waiting' | 'failed';

function planPlainInit(
  turn: Turn,
  pod: AllocatedPod,
  view: ContainerView,
  sandbox: ObservedSandbox,
  leave: Leave,
): InitTurn {
  const c = view.current;
  if (c?.state === 'running') {
    postStart(turn, view);
    because(turn, { code: 'InitContainer', container: view.name, state: 'running' });
    return 'waiting';
  }
  if (c?.state === 'exited' && !initFailed(c)) return 'done';
  if (c && initFailed(c) && !initMayRestart(pod, view, c)) return 'failed';
  because(turn, { code: 'InitContainer', container: view.name, state: 'not started' });
  if (c?.state === 'unknown' && killIfNeeded(turn, pod, view, 'done')) return 'waiting';
  bringUp(turn, view, sandbox, leave);
  return 'waiting';
}

/** A failed init container runs again unless the policy is Never; exit code 0 with an OOM kill is a failure too. */
export function initMayRestart(pod: Pod, view: ContainerView, c: ObservedContainer): boolean {
  if (pod.metadata?.deletionTimestamp) return false;
  if (c.state === 'unknown') return restartsAfterKill(pod, view.container);
  if (view.container.restartPolicy === undefined) return pod.spec?.restartPolicy !== 'Never';
  return shouldRestart(pod, view.container, c);
}

/** A sidecar is up when it runs, its postStart ended and its startup probe passed. It restarts whatever its exit code. */
function planSidecar(
  turn: Turn,
  pod: AllocatedPod,
  view: ContainerView,
  sandbox: ObservedSandbox,
  leave: Leave,
): boolean {
  const c = view.current;
  if (c?.state === 'running') {
    const hook = postStart(turn, view);
    if (killIfNeeded(turn, pod, view, hook)) return false;
    if (!probedHealth(turn.facts, view, c.id).started || hook === 'running') {
      because(turn, { code: 'InitContainer', container: view.name, state: 'starting up' });
      return false;
    }
    readiness(turn, view, c);
    return true;
  }
  if (c?.state === 'unknown' && killIfNeeded(turn, pod, view, 'done')) return false;
  because(turn, { code: 'InitContainer', container: view.name, state: 'not started' });
  bringUp(turn, view, sandbox, leave);
  return false;
}

/** The last init container with a trace in this sandbox: those before it were done, even if the runtime forgot them. */
function reached(views: PodViews): number {
  for (let i = views.init.length - 1; i >= 0; i--) if (views.init[i]!.current) return i;
  return 0;
}

/** Init containers in order, sidecars kept running. `done`: main containers may start. */
export function planInit(
  turn: Turn,
  pod: AllocatedPod,
  views: PodViews,
  sandbox: ObservedSandbox,
  leave: Leave,
): InitTurn {
  const initialized = turn.memory.initializedIn === sandbox.id || views.main.some((v) => v.current);
  const from = reached(views);
  for (const [i, view] of views.init.entries()) {
    if (view.kind === 'sidecar') {
      const up = planSidecar(turn, pod, view, sandbox, leave);
      if (!up && !initialized && i >= from) return waitForInit(turn, views, i);
      continue;
    }
    if (initialized || i < from) continue;
    const state = planPlainInit(turn, pod, view, sandbox, leave);
    if (state === 'failed') return 'failed';
    if (state === 'waiting') return waitForInit(turn, views, i);
  }
  turn.memory.initializedIn = sandbox.id;
  return 'done';
}

function waitForInit(turn: Turn, views: PodViews, at: number): InitTurn {
  const waitsFor = views.init[at]!.name;
  for (const view of [...views.init.slice(at + 1), ...views.main]) {
    delete turn.waiting[view.name];
    because(turn, { code: 'AfterContainer', container: view.name, waitsFor });
  }
  return 'waiting';
}

/** Main containers side by side up to their start, which keeps the order of the spec. */
export function planMain(turn: Turn, pod: AllocatedPod, views: PodViews, sandbox: ObservedSandbox, leave: Leave): void {
  let after: string | undefined;
  for (const view of views.main) {
    if (planOne(turn, pod, view, sandbox, after === undefined ? leave : { ...leave, after }) && after === undefined)
      after = view.name;
  }
}

/** True while the container is making an attempt that later ones wait for. */
function planOne(turn: Turn, pod: AllocatedPod, view: ContainerView, sandbox: ObservedSandbox, leave: Leave): boolean {
  const c = view.current;
  if (c?.state === 'running') {
    const hook = postStart(turn, view);
    if (killIfNeeded(turn, pod, view, hook)) return false;
    readiness(turn, view, c);
    return hook === 'running';
  }
  if (c?.state === 'unknown') {
    killIfNeeded(turn, pod, view, 'done');
    return false;
  }
  const last = lastRun(view);
  if (last && !(last.state === 'exited' && mayRunAgain(turn, pod, view, last))) {
    ended(turn, view, last);
    return false;
  }
  const gate = bringUp(turn, view, sandbox, leave);
  // The one attempt that does not ask the restart policy has failed.
  if (last && !mayRunAgain(turn, pod, view, last)) ended(turn, view, last);
  return gate === 'pending';
}

function ended(turn: Turn, view: ContainerView, { exitCode, reason }: ObservedContainer): void {
  because(turn, { code: 'ContainerEnded', container: view.name, exitCode, reason });
}

/** One that was stopped in order to be replaced does at once; any other by its restart policy. */
export function mayRunAgain(turn: Turn, pod: Pod, view: ContainerView, last: ObservedContainer): boolean {
  return replacedRun(turn, pod, view) !== undefined || shouldRestart(pod, view.container, last);
}

function readiness(turn: Turn, view: ContainerView, c: ObservedContainer): void {
  const probe = turn.facts.probes[view.name];
  const known = probe?.containerId === c.id ? probe : undefined;
  const message = known?.message ? { message: known.message } : {};
  const { started, ready } = probedHealth(turn.facts, view, c.id);
  if (!started) because(turn, { code: 'StartupProbe', container: view.name, ...message });
  else if (!ready) because(turn, { code: 'ReadinessProbe', container: view.name, ...message });
}

/** Ephemeral containers start once, any time the sandbox is there, and never again (KEP-277). */
export function planEphemeral(turn: Turn, views: PodViews, sandbox: ObservedSandbox, leave: Leave): void {
  for (const view of views.ephemeral) {
    if (!view.latest || view.current?.state === 'created') bringUp(turn, view, sandbox, leave);
  }
}

/** Nothing of this container is being done or has an unknown outcome. */
export function isQuiet(turn: Turn, view: ContainerView): boolean {
  const name = slotOf.container(view.name);
  return !busy(turn.facts, name) && isOpen(turn.facts, name);
}
