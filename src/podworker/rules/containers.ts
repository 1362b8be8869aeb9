import type { ObservedContainer, ObservedSandbox } from '../../cri/observed.ts';
import type { ContainerView, PodViews } from '../../pods/rules/views.ts';
import type { AllocatedPod, Pod } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import { bringUp, type Leave } from './bringUp.ts';
import { probedHealth } from './health.ts';
import { type KillCause, killFor } from './killCause.ts';
import { lastRun, replacedRun } from './replacement.ts';
import { shouldRestart } from './restart.ts';
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
export function killIfNeeded(
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
  const state = bringUp(turn, view, sandbox, leave);
  // The one attempt that does not ask the restart policy has failed.
  if (last && !mayRunAgain(turn, pod, view, last)) ended(turn, view, last);
  return state === 'pending';
}

/** It has ended for good. */
export function ended(turn: Turn, view: ContainerView, { exitCode, reason }: ObservedContainer): void {
  because(turn, { code: 'ContainerEnded', container: view.name, exitCode, reason });
}

/** One that was stopped in order to be replaced does at once; any other by its restart policy. */
export function mayRunAgain(turn: Turn, pod: Pod, view: ContainerView, last: ObservedContainer): boolean {
  return replacedRun(turn, pod, view) !== undefined || shouldRestart(pod, view.container, last);
}

/** Why a container that runs is not started or ready, if it is not. */
export function readiness(turn: Turn, view: ContainerView, c: ObservedContainer): void {
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
