import { neverPullHint, pullHint } from '../../images/rules/pullHint.ts';
import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import type { ContainerView } from '../../pods/rules/views.ts';
import { slotOf } from './actions.ts';
import { fingerprint, firstUnknown } from './fingerprint.ts';
import { slot } from './slots.ts';
import { because, emitOnce, launch, type Turn, wake } from './turn.ts';

/** Pull back-off: 10 s doubling to 300 s, as kubelet's image manager. */
const pullCurve: BackoffPolicy = { initialMs: 10_000, maxMs: 300_000 };
/** How long a Pod that is ready to start waits for its imagePullSecrets to be read, as kubelet's secret manager does. */
const secretsPatienceMs = 1_000;
/** How long a failed pull shows its own error before the status turns to ImagePullBackOff. */
const errorShownMs = 2_000;

/** `ready`: the next step may begin; `pending`: something is being done for it; `held`: it waits out a failure, and holds nobody else back. */
export type StartState = 'ready' | 'pending' | 'held';

/** The image of a container for its next attempt: brought up to date by its pull policy, under way, or held by a failure. */
export function imageState(turn: Turn, view: ContainerView): StartState {
  const { facts } = turn;
  const name = slotOf.image(view.name);
  const image = view.container.image ?? '';
  const policy = view.container.imagePullPolicy ?? 'IfNotPresent';
  const s = slot(facts, name);
  const last = s.last?.action.kind === 'ensureImage' && s.last.action.image === image ? s.last : undefined;
  if (s.running) {
    pullReason(turn, view, image, s.running.since);
    return 'pending';
  }
  const createFailedAt = slot(facts, slotOf.container(view.name)).last?.error
    ? slot(facts, slotOf.container(view.name)).last!.endedAt
    : -1;
  const sameAttempt = last?.action.kind === 'ensureImage' && last.action.attempt === view.nextAttempt;
  if (last && !last.error && sameAttempt && last.endedAt >= createFailedAt) return 'ready';
  const { pullObjects = [] } = facts;
  const action = {
    kind: 'ensureImage',
    slot: name,
    container: view.name,
    image,
    policy,
    attempt: view.nextAttempt,
    ...(pullObjects.length === 0 ? {} : { objects: fingerprint(facts, pullObjects) }),
  } as const;
  if (awaitsSecrets(turn, pullObjects)) return 'pending';
  // A Secret that has come or changed is a reason to try again at once.
  const news = last?.error && last.action.kind === 'ensureImage' && last.action.objects !== action.objects;
  if (last?.error && !(news && isPullFailure(last.error.reason)))
    return failedImage(turn, view, action, last.error, last.endedAt, s.failures);
  launch(turn, news ? { ...action, anew: true } : action, 'now');
  because(turn, { code: 'CheckingImage', image, container: view.name });
  return 'pending';
}

/** A pull without the Pod's credentials would fail and back off for 10 s; a Secret that cannot be read holds nothing up for long. */
function awaitsSecrets(turn: Turn, keys: readonly string[]): boolean {
  const unknown = firstUnknown(turn.facts, keys);
  if (!unknown) return false;
  const ready = slot(turn.facts, 'prepare').last?.endedAt;
  if (ready !== undefined && turn.now.mono >= ready + secretsPatienceMs) return false;
  if (ready !== undefined) wake(turn, ready + secretsPatienceMs);
  because(turn, { code: 'AwaitingObject', ...unknown });
  return true;
}

function pullReason(turn: Turn, view: ContainerView, image: string, since: number): void {
  const pull = ownEntry(turn.facts.pulls, view.name);
  if (!pull) because(turn, { code: 'CheckingImage', image, container: view.name });
  else because(turn, { code: 'PullingImage', image, container: view.name, since, ...pull });
}

function failedImage(
  turn: Turn,
  view: ContainerView,
  action: Parameters<typeof launch>[1] & { kind: 'ensureImage' },
  error: { reason: string; message: string },
  endedAt: number,
  failures: number,
): StartState {
  const { image } = action;
  const retry = endedAt + backoffDelay(pullCurve, isPullFailure(error.reason) ? failures - 1 : 0, 0);
  if (retry <= turn.now.mono) {
    launch(turn, action, 'now');
    because(turn, { code: 'CheckingImage', image, container: view.name });
    turn.waiting[view.name] = { reason: error.reason, message: error.message };
    return 'pending';
  }
  wake(turn, retry);
  if (!isPullFailure(error.reason)) {
    turn.waiting[view.name] = { reason: error.reason, message: error.message };
    const hint = error.reason === 'ErrImageNeverPull' ? { hint: neverPullHint } : {};
    because(turn, { code: 'ImageUnusable', image, container: view.name, ...error, ...hint });
    return 'held';
  }
  const hint = pullHint(error.message);
  because(turn, {
    ...{ code: 'ImagePullBackOff', image, container: view.name, message: error.message, retryAt: retry },
    ...(hint !== undefined && { hint }),
  });
  if (turn.now.mono < endedAt + errorShownMs) {
    wake(turn, endedAt + errorShownMs);
    turn.waiting[view.name] = { reason: error.reason, message: error.message };
  } else tellBackOff(turn, view.name, image, error, endedAt);
  return 'held';
}

/** The failure was shown for a while: from now on the status names the back-off, with the failure behind it. */
function tellBackOff(
  turn: Turn,
  container: string,
  image: string,
  error: { reason: string; message: string },
  endedAt: number,
): void {
  const text = `Back-off pulling image "${image}"`;
  const message = error.reason === backOffReason ? error.message : `${text}: ${error.reason}: ${error.message}`;
  turn.waiting[container] = { reason: backOffReason, message };
  emitOnce(turn, `pullbackoff/${container}`, endedAt, { type: 'Normal', reason: 'BackOff', message: text, container });
  emitOnce(turn, `pullbackofferror/${container}`, endedAt, {
    type: 'Warning',
    reason: 'Failed',
    message: 'Error: ImagePullBackOff',
    container,
  });
}

/** The image manager says ImagePullBackOff itself when another container of the Pod has just failed to pull the same image. */
const backOffReason = 'ImagePullBackOff';
const pullFailures = new Set(['ErrImagePull', backOffReason, 'RegistryUnavailable', 'SignatureValidationFailed']);

function isPullFailure(reason: string): boolean {
  return pullFailures.has(reason);
}
