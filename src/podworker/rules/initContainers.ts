import type { ObservedContainer, ObservedSandbox } from '../../cri/observed.ts';
import type { ContainerView, PodViews } from '../../pods/rules/views.ts';
import type { AllocatedPod, Pod } from '../../types/k8s.ts';
import { bringUp, type Leave } from './bringUp.ts';
import { killIfNeeded, postStart, readiness } from './containers.ts';
import { probedHealth } from './health.ts';
import { initFailed, restartsAfterKill, shouldRestart } from './restart.ts';
import { because, type Turn } from './turn.ts';

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
