import type { ObservedSandbox } from '../../cri/observed.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import type { EffectError } from '../../loop/slot.ts';
import type { ContainerView } from '../../pods/rules/views.ts';
import { containerHash } from '../spec/containerHash.ts';
import { slotOf } from './actions.ts';
import { countRestart, inBackoff } from './crashLoop.ts';
import { fingerprint, firstUnknown } from './fingerprint.ts';
import { imageState, type StartState } from './images.ts';
import { replacementFailed } from './replacement.ts';
import { busy, isOpen, retryAt, slot } from './slots.ts';
import { because, emitOnce, launch, type Turn } from './turn.ts';
import { unreadTrouble } from './unread.ts';

/** What a container may do this turn besides being created. */
export interface Leave {
  readonly volumesReady: boolean;
  /** What holds back containers whose image volume is not there, by container. */
  readonly imageVolumes: ReadonlyMap<string, StartState>;
  /** The Pod's cgroup is being resized for it. */
  readonly awaitsCgroup?: boolean;
  /** The container that must have made its attempt before this one starts; creating it ahead is allowed. */
  readonly after?: string;
}

/**
 * One more attempt of a container: image, then CreateContainer, then StartContainer, each when it may.
 * `ready`: nothing to do; `pending`: an attempt is being made (later containers wait for it); `held`: it waits out a
 * failure or back-off and holds nobody else back.
 */
export function bringUp(turn: Turn, view: ContainerView, sandbox: ObservedSandbox, leave: Leave): StartState {
  const state = attempt(turn, view, sandbox, leave);
  if (ownEntry(turn.waiting, view.name)) replacementFailed(turn, view);
  return state;
}

function attempt(turn: Turn, view: ContainerView, sandbox: ObservedSandbox, leave: Leave): StartState {
  const made = view.current?.state === 'created' ? view.current : undefined;
  if (made && made.hash === containerHash(view.container)) return startMade(turn, view, made.id, leave);
  if (made) {
    // A start that is under way must end first: what it started is stopped in order, not torn away.
    if (!isOpen(turn.facts, slotOf.container(view.name))) return startMade(turn, view, made.id, leave);
    launch(turn, { kind: 'removeContainer', slot: slotOf.removeContainer(made.id), containerId: made.id });
    because(turn, {
      code: 'RestartingContainer',
      container: view.name,
      message: 'its definition changed before it was started',
    });
    return 'pending';
  }
  noteFailedStart(turn, view);
  if (inBackoff(turn, view)) return 'held';
  const image = imageState(turn, view);
  if (image !== 'ready') return image;
  if (!leave.volumesReady || leave.awaitsCgroup) return 'pending';
  const volumes = leave.imageVolumes.get(view.name);
  if (volumes) return volumes;
  return create(turn, view, sandbox);
}

function startMade(turn: Turn, view: ContainerView, containerId: string, leave: Leave): StartState {
  if (leave.after !== undefined) {
    because(turn, { code: 'AfterContainer', container: view.name, waitsFor: leave.after });
    return 'pending';
  }
  if (busy(turn.facts, slotOf.removeContainer(containerId))) return 'pending';
  const name = slotOf.container(view.name);
  const s = slot(turn.facts, name);
  if (s.running) {
    queued(turn, name);
    because(turn, { code: 'StartingContainer', container: view.name, since: s.running.since });
    return 'pending';
  }
  const failed = s.last?.action.kind === 'startContainer' ? s.last.error : undefined;
  if (failed) {
    turn.waiting[view.name] = { reason: failed.reason, message: failed.message };
    because(turn, { code: 'ContainerFailed', container: view.name, ...failed, retryAt: retryAt(turn.facts, name) });
  } else because(turn, { code: 'StartingContainer', container: view.name, since: turn.now.mono });
  launch(turn, { kind: 'startContainer', slot: name, container: view.name, containerId });
  return failed ? 'held' : 'pending';
}

/** A start that the runtime refused, or whose hook failed, leaves an ended container behind; until the next attempt the status says why. */
function noteFailedStart(turn: Turn, view: ContainerView): void {
  for (const name of [slotOf.container(view.name), slotOf.postStart(view.name)]) {
    const { last } = slot(turn.facts, name);
    if (!last?.error || (last.action.kind !== 'startContainer' && last.action.kind !== 'postStart')) continue;
    if (last.action.containerId !== view.latest?.id) continue;
    turn.waiting[view.name] = { reason: last.error.reason, message: last.error.message };
  }
}

function queued(turn: Turn, name: string): void {
  const position = turn.facts.gatePositions[name];
  if (position !== undefined) because(turn, { code: 'GateQueue', slot: name, position });
}

function create(turn: Turn, view: ContainerView, sandbox: ObservedSandbox): StartState {
  const { facts, now } = turn;
  const name = slotOf.container(view.name);
  const s = slot(facts, name);
  if (s.running) {
    queued(turn, name);
    because(turn, { code: 'CreatingContainer', container: view.name, since: s.running.since });
    return 'pending';
  }
  const keys = ownEntry(facts.envObjects, view.name) ?? [];
  const unknown = firstUnknown(facts, keys);
  if (unknown) {
    because(turn, { code: 'AwaitingObject', ...unknown });
    tellUnread(turn, view.name, unreadTrouble(turn, unknown));
    return 'held';
  }
  const objects = fingerprint(facts, keys);
  const last = s.last?.action.kind === 'createContainer' ? s.last : undefined;
  const error = last?.error;
  const changed = last?.action.kind === 'createContainer' && last.action.objects !== objects;
  if (error) tellFailed(turn, view.name, error, last.endedAt);
  else because(turn, { code: 'CreatingContainer', container: view.name, since: now.mono });
  const action = {
    kind: 'createContainer',
    slot: name,
    container: view.name,
    sandboxId: sandbox.id,
    attempt: view.nextAttempt,
    objects,
  } as const;
  if (launch(turn, action, changed ? 'now' : 'backoff')) countRestart(turn, view);
  return error ? 'held' : 'pending';
}

function tellFailed(turn: Turn, container: string, error: EffectError, endedAt: number): void {
  turn.waiting[container] = { reason: error.reason, message: error.message };
  const message = `Error: ${error.message}`;
  emitOnce(turn, `createfailed/${container}`, endedAt, { type: 'Warning', reason: 'Failed', message, container });
  const due = retryAt(turn.facts, slotOf.container(container));
  if (error.reason === 'CreateContainerConfigError')
    because(turn, { code: 'ContainerConfig', container, ...error, retryAt: due });
  else because(turn, { code: 'ContainerFailed', container, ...error, retryAt: due });
}

function tellUnread(turn: Turn, container: string, trouble: string | undefined): void {
  if (trouble === undefined) return;
  turn.waiting[container] = { reason: 'CreateContainerConfigError', message: trouble };
  emitOnce(turn, `unread/${container}`, 0, {
    type: 'Warning',
    reason: 'Failed',
    message: `Error: ${trouble}`,
    container,
  });
}
