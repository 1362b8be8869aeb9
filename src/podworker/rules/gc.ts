import type { PodViews } from '../../pods/rules/views.ts';
import { type Action, slotOf } from './actions.ts';
import { slot } from './slots.ts';
import { because, launch, type Turn } from './turn.ts';

/** Dead containers kept per container name: the newest, for lastState and logs --previous (kubelet's default). */
const keptDead = 1;

/** Removes older dead containers, and stopped sandboxes that hold no container any more. */
export function collectDead(turn: Turn, views: PodViews, keepSandbox: string | undefined): void {
  const removed = new Set<string>();
  for (const view of views.all) {
    const dead = view.history.filter((c) => c.state === 'exited').slice(keptDead);
    const stranded = view.history.filter((c) => c.state === 'created' && keepSandbox && c.sandboxId !== keepSandbox);
    for (const c of [...dead, ...stranded]) {
      removed.add(c.id);
      launch(turn, { kind: 'removeContainer', slot: slotOf.removeContainer(c.id), containerId: c.id });
    }
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
