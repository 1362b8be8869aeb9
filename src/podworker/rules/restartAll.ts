import type { ObservedContainer } from '../../cri/observed.ts';
import type { ContainerView, PodViews } from '../../pods/rules/views.ts';
import { matchingRestartRule } from '../../status/rules/restartPolicy.ts';
import type { Pod } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import { isOpen, slot } from './slots.ts';
import { stopContainer } from './stop.ts';
import { because, launch, type Turn } from './turn.ts';

const alive = (c: ObservedContainer): boolean => c.state === 'running' || c.state === 'unknown';

/** It ended with an exit code for which its rules ask that all containers start over. */
function isSource(view: ContainerView, c: ObservedContainer): boolean {
  return c.state === 'exited' && matchingRestartRule(view.container, c.exitCode)?.action === 'RestartAllContainers';
}

/**
 * RestartAllContainers (KEP-5532): init and main containers are stopped without grace and removed, in the reverse order of
 * their start; the sandbox and the volumes stay, and then everything starts from the first init container. The containers
 * that asked for it go last, so that after a crash of the kubelet they ask again. True while this is under way.
 */
export function planRestartAll(turn: Turn, pod: Pod, views: PodViews): boolean {
  const all = [...views.init, ...views.main];
  if (!turn.memory.restartingAll && !isAskedFor(turn, pod, all)) return false;
  turn.memory.restartingAll = true;
  const settled = all.map((view) => makingSettled(turn, view)).every(Boolean);
  const groups = [victims(views.main), victims(views.init), sources(views.main), sources(views.init)];
  const group = groups.find((g) => g.length > 0);
  for (const [view, c] of group ?? []) reset(turn, view, c);
  if (group || !settled) {
    for (const { name } of all)
      because(turn, { code: 'RestartingContainer', container: name, message: 'all containers restart in place' });
    return true;
  }
  delete turn.memory.restartingAll;
  delete turn.memory.initializedIn;
  return false;
}

function isAskedFor(turn: Turn, pod: Pod, all: readonly ContainerView[]): boolean {
  if (all.some((view) => view.latest && isSource(view, view.latest))) return true;
  const { conditions } = turn.memory.status ?? pod.status ?? {};
  const told = conditions?.some((c) => c.type === 'AllContainersRestarting' && c.status === 'True') ?? false;
  return told && all.some((view) => view.latest);
}

type Item = readonly [ContainerView, ObservedContainer];

const itemsOf = (views: readonly ContainerView[]): Item[] =>
  [...views].reverse().flatMap((view) => view.history.map((c) => [view, c] as const));
const victims = (views: readonly ContainerView[]): Item[] => itemsOf(views).filter(([view, c]) => !isSource(view, c));
const sources = (views: readonly ContainerView[]): Item[] => itemsOf(views).filter(([view, c]) => isSource(view, c));

function reset(turn: Turn, view: ContainerView, c: ObservedContainer): void {
  if (alive(c)) {
    // The Go kubelet says just this in the Killing event; grace 0 leaves the hook out.
    stopContainer(turn, c, view, { message: 'killing', graceSeconds: 0, deadline: turn.now.wall, after: [] });
    return;
  }
  if (!isOpen(turn.facts, slotOf.container(view.name))) return;
  launch(turn, { kind: 'removeContainer', slot: slotOf.removeContainer(c.id), containerId: c.id });
}

/** Nothing of the container is still coming into being; what is queued for it is given up. */
function makingSettled(turn: Turn, view: ContainerView): boolean {
  const name = slotOf.container(view.name);
  for (const taken of [name, slotOf.postStart(view.name)]) if (slot(turn.facts, taken).running) turn.abort.add(taken);
  return isOpen(turn.facts, name);
}
