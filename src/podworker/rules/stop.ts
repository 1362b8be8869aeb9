import type { ObservedContainer } from '../../cri/observed.ts';
import { named } from '../../lib/named.ts';
import { aliveContainers, type ContainerView, type PodViews } from '../../pods/rules/views.ts';
import type { Pod } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import type { Kill } from './memory.ts';
import { isOpen, retryAt, slot } from './slots.ts';
import { because, emitOnce, launch, monoOf, noted, type Turn, wake } from './turn.ts';

/** StopContainer is never sent with less (kubelet's minimumGracePeriodInSeconds). */
const minimumStopSeconds = 2;

/** Seconds a Pod's own spec gives its containers. With 0 preStop hooks are left out, as when a container of it is stopped alone. */
export function ownGrace(pod: Pod | null): number {
  return pod?.spec?.terminationGracePeriodSeconds ?? 30;
}

/** How one container is brought to its end. Times are wall ms. */
export interface StopPlan {
  readonly message: string;
  readonly graceSeconds: number;
  readonly deadline: number;
  /** Containers that must end first (sidecar order, KEP-753), while the deadline has not passed. */
  readonly after: readonly string[];
}

/** preStop once, then the container's turn, then StopContainer with what is left of the grace period. */
export function stopContainer(turn: Turn, c: ObservedContainer, view: ContainerView | undefined, plan: StopPlan): void {
  const { now } = turn;
  emitOnce(turn, `killing/${c.id}`, 1, {
    type: 'Normal',
    reason: 'Killing',
    message: plan.message || `Stopping container ${c.name}`,
    container: c.name,
  });
  if (view && !preStopDone(turn, c, view, plan)) return;
  if (plan.after.length > 0 && plan.deadline > now.wall) {
    because(turn, { code: 'StopTurn', container: c.name, waitsFor: plan.after });
    wake(turn, monoOf(turn, plan.deadline));
    return;
  }
  const name = slotOf.stop(c.id);
  const s = slot(turn.facts, name);
  // Rounded up, as kubelet rounds down what has passed: a quick preStop hook costs no second of the grace.
  const seconds = Math.max(minimumStopSeconds, Math.ceil((plan.deadline - now.wall) / 1000));
  const error = s.last?.error;
  because(turn, {
    code: 'StoppingContainer',
    container: c.name,
    graceSeconds: plan.graceSeconds,
    ...(s.running ? { since: s.running.since } : {}),
    ...(error ? { error: error.message } : {}),
  });
  if (s.running?.action.kind === 'stopContainer') {
    // A shorter grace reissues the call: the runtime knows no way to shorten a running one. One that ends hardly later than its
    // successor would is left alone, however late it was sent.
    const ends = s.running.since + s.running.action.seconds * 1000;
    if (ends > now.mono + (seconds + minimumStopSeconds) * 1000) turn.abort.add(name);
    return;
  }
  launch(
    turn,
    { kind: 'stopContainer', slot: name, container: c.name, containerId: c.id, seconds },
    error ? retryAt(turn.facts, name) : 'now',
  );
}

/** Runs the preStop hook at most once per container; true when nothing of it holds StopContainer back. */
function preStopDone(turn: Turn, c: ObservedContainer, view: ContainerView, plan: StopPlan): boolean {
  const { facts, now } = turn;
  if (!view.container.lifecycle?.preStop || plan.graceSeconds <= 0 || c.state !== 'running') return true;
  const name = slotOf.preStop(c.id);
  const s = slot(facts, name);
  const seen = turn.memory.preStop[c.id] ?? { begun: now.wall };
  if (seen.ended !== undefined) return true;
  const over = s.last !== undefined || plan.deadline <= now.wall;
  turn.memory.preStop = noted(turn, turn.memory.preStop, c.id, over ? { ...seen, ended: now.wall } : seen);
  if (over) {
    if (s.running) turn.abort.add(name);
    return true;
  }
  const deadline = monoOf(turn, plan.deadline);
  because(turn, { code: 'PreStopHook', container: c.name, since: s.running?.since ?? now.mono, deadline });
  wake(turn, deadline);
  if (!s.running && begunIsSaved(turn, c.id)) {
    const seconds = Math.max(1, Math.round((plan.deadline - now.wall) / 1000));
    launch(turn, { kind: 'preStop', slot: name, container: c.name, containerId: c.id, seconds });
  }
  return false;
}

/** A hook starts only after the note that it began is on disk, or this very note could not be written: it must not run twice. */
function begunIsSaved(turn: Turn, containerId: string): boolean {
  const last = slot(turn.facts, 'checkpoint').last;
  return last?.action.kind === 'saveCheckpoint' && last.action.checkpoint.preStop[containerId] !== undefined;
}

/** As many names as anybody reads of what a container waits for. */
const MOST_NAMED = 8;

/** Whom a container's stop waits for; the first of many. */
export type StopOrder = (view: ContainerView | undefined) => readonly string[];

/**
 * The order in which a whole Pod is stopped: a sidecar stops after all main containers, and after the sidecars that were started later
 * than it (KEP-753). A plain init container that still runs holds none of them.
 */
export function stopOrder(turn: Turn, views: readonly ContainerView[], alive: readonly ObservedContainer[]): StopOrder {
  const names = new Set(alive.map((c) => c.name));
  // A start under way, or one whose outcome is unknown, may still bring a container up that needs the sidecar.
  for (const v of views) if (!isOpen(turn.facts, slotOf.container(v.name))) names.add(v.name);
  const mains = views.filter((v) => v.kind === 'main' && names.has(v.name)).slice(0, MOST_NAMED);
  const after = new Map<ContainerView, readonly string[]>();
  // From the last sidecar to the first: of each the one before it needs the first few names alone.
  let following = mains.map((v) => v.name);
  for (const v of views.toReversed()) {
    if (v.kind !== 'sidecar') continue;
    after.set(v, following);
    if (names.has(v.name)) following = [v.name, ...following].slice(0, MOST_NAMED);
  }
  return (view) => (view && after.get(view)) ?? [];
}

/** Brings all that runs to its end although the Pod goes on, in the order of a Pod's end; notes each as a kill. */
export function stopRunning(
  turn: Turn,
  views: PodViews,
  how: { message: string; graceSeconds: number; reason: Kill['reason'] },
): void {
  const alive = aliveContainers(turn.facts);
  const after = stopOrder(turn, views.all, alive);
  for (const c of alive) {
    const kill = noteKill(turn, c.id, how);
    const view = named(views.all, c.name);
    stopContainer(turn, c, view, { ...planOf(kill), after: after(view) });
  }
}

/** Remembers since when and why one container is being stopped. */
export function noteKill(
  turn: Turn,
  id: string,
  how: { message: string; graceSeconds: number; reason: Kill['reason'] },
): Kill {
  const known = turn.memory.kills[id];
  if (known) return known;
  const kill: Kill = { ...how, since: turn.now.wall };
  turn.memory.kills = noted(turn, turn.memory.kills, id, kill);
  return kill;
}

/** How a container is stopped for this: its deadline (monotonic ms) counts from when the cause was noted. */
export function planOf(kill: Kill): StopPlan {
  return {
    message: kill.message,
    graceSeconds: kill.graceSeconds,
    deadline: kill.since + kill.graceSeconds * 1000,
    after: [],
  };
}
