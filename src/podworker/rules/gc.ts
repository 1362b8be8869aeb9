import type { ObservedContainer } from '../../cri/observed.ts';
import type { ContainerView, PodViews } from '../../pods/rules/views.ts';
import { type Action, slotOf } from './actions.ts';
import { slot } from './slots.ts';
import { because, launch, type Turn } from './turn.ts';

/**
 * Removes older dead containers, and stopped sandboxes that hold no container any more. The newest dead ones stay, for lastState and logs
 * --previous, unless they are surplus; of a Pod that lives the last one stays in any case: its end decides how the next run begins.
 */
export function collectDead(turn: Turn, views: PodViews, keepSandbox: string | undefined): void {
  const { node, surplus = [] } = turn.facts;
  const lives = turn.memory.phase === 'Active';
  const isSurplus = (c: ObservedContainer, { latest }: ContainerView) =>
    surplus.includes(c.id) && !(lives && c.id === latest?.id);
  for (const view of views.all) {
    const exited = view.history.filter((c) => c.state === 'exited');
    const kept = exited.slice(0, Math.max(1, node.deadPerContainer ?? 1)).filter((c) => !isSurplus(c, view));
    const dead = exited.filter((c) => !kept.includes(c));
    const stranded = view.history.filter((c) => c.state === 'created' && keepSandbox && c.sandboxId !== keepSandbox);
    for (const c of [...dead, ...stranded])
      launch(turn, { kind: 'removeContainer', slot: slotOf.removeContainer(c.id), containerId: c.id });
  }
  const containers = turn.facts.runtime?.containers ?? [];
  for (const sandbox of turn.facts.runtime?.sandboxes ?? []) {
    if (sandbox.id === keepSandbox || !turn.memory.stoppedSandboxes.includes(sandbox.id)) continue;
    if (containers.some((c) => c.sandboxId === sandbox.id)) continue;
    launch(turn, { kind: 'removeSandbox', slot: slotOf.removeSandbox(sandbox.id), sandboxId: sandbox.id });
  }
}

/** Removes everything the runtime still holds of a Pod that is over; true when nothing is left. */
export function removeAll(turn: Turn): boolean {
  const containers = turn.facts.runtime?.containers ?? [];
  const sandboxes = turn.facts.runtime?.sandboxes ?? [];
  for (const c of containers)
    remove(turn, { kind: 'removeContainer', slot: slotOf.removeContainer(c.id), containerId: c.id });
  for (const s of sandboxes) {
    if (containers.some((c) => c.sandboxId === s.id)) continue;
    remove(turn, { kind: 'removeSandbox', slot: slotOf.removeSandbox(s.id), sandboxId: s.id });
  }
  return containers.length === 0 && sandboxes.length === 0;
}

function remove(turn: Turn, action: Extract<Action, { kind: 'removeContainer' | 'removeSandbox' }>): void {
  launch(turn, action);
  const { running } = slot(turn.facts, action.slot);
  const since = running?.since ?? turn.now.mono;
  because(turn, { code: 'SettlingAction', slot: action.slot, action: action.kind, since });
}
