import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import { slotOf } from './actions.ts';
import { slot } from './slots.ts';
import { because, emitOnce, launch, type Turn, wake } from './turn.ts';
import type { ContainerView } from './view.ts';

/** Pull back-off: 10 s doubling to 300 s, as kubelet's image manager. */
const pullCurve: BackoffPolicy = { initialMs: 10_000, maxMs: 300_000 };
/** How long a failed pull shows its own error before the status turns to ImagePullBackOff. */
const errorShownMs = 2_000;

export type Gate = 'ready' | 'pending' | 'held';

/** The image of a container for its next attempt: brought up to date by its pull policy, under way, or held by a failure. */
export function imageGate(turn: Turn, view: ContainerView): Gate {
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
  const action = {
    kind: 'ensureImage',
    slot: name,
    container: view.name,
    image,
    policy,
    attempt: view.nextAttempt,
  } as const;
  if (last?.error) return failedImage(turn, view, action, last.error, last.endedAt, s.failures);
  launch(turn, action, 'now');
  because(turn, { code: 'CheckingImage', image, container: view.name });
  return 'pending';
}

function pullReason(turn: Turn, view: ContainerView, image: string, since: number): void {
  const pull = turn.facts.pulls[view.name];
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
): Gate {
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
    because(turn, { code: 'ImageUnusable', image, container: view.name, ...error });
    return 'held';
  }
  because(turn, { code: 'ImagePullBackOff', image, container: view.name, message: error.message, retryAt: retry });
  if (turn.now.mono < endedAt + errorShownMs) {
    wake(turn, endedAt + errorShownMs);
    turn.waiting[view.name] = { reason: error.reason, message: error.message };
    return 'held';
  }
  const text = `Back-off pulling image "${image}"`;
  const message = error.reason === backOffReason ? error.message : `${text}: ${error.reason}: ${error.message}`;
  turn.waiting[view.name] = { reason: backOffReason, message };
  const container = view.name;
  emitOnce(turn, `pullbackoff/${container}`, endedAt, { type: 'Normal', reason: 'BackOff', message: text, container });
  emitOnce(turn, `pullbackofferror/${container}`, endedAt, {
    type: 'Warning',
    reason: 'Failed',
    message: 'Error: ImagePullBackOff',
    container,
  });
  return 'held';
}

/** The image manager says ImagePullBackOff itself when another container of the Pod has just failed to pull the same image. */
const backOffReason = 'ImagePullBackOff';
const pullFailures = new Set(['ErrImagePull', backOffReason, 'RegistryUnavailable', 'SignatureValidationFailed']);

function isPullFailure(reason: string): boolean {
  return pullFailures.has(reason);
}
