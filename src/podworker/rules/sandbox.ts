import type { ObservedSandbox } from '../../cri/observed.ts';
import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import { aliveContainers, type PodViews } from '../../pods/rules/views.ts';
import type { Pod } from '../../types/k8s.ts';
import { slotOf } from './actions.ts';
import { planClaims } from './claims.ts';
import type { PodSlot } from './facts.ts';
import { UNREAD_SANDBOX } from './kubeletEvents.ts';
import { sandboxReplacementsFailed } from './replacement.ts';
import { busy, retryAt, slot } from './slots.ts';
import { ownGrace, stopRunning } from './stop.ts';
import { because, emitOnce, launch, type Turn, wake } from './turn.ts';

const renewCurve: BackoffPolicy = { initialMs: 250, maxMs: 10_000 };

/** Why the newest sandbox cannot carry the Pod any more; undefined: it can. */
export function sandboxChanged(pod: Pod, sandboxes: readonly ObservedSandbox[]): string | undefined {
  const newest = sandboxes[0];
  if (!newest) return undefined;
  if (sandboxes.filter((s) => s.ready).length > 1) return 'more than one sandbox is ready';
  if (!newest.ready) return 'it is not ready';
  const hostNetwork = pod.spec?.hostNetwork === true;
  if (newest.hostNetwork !== hostNetwork) return 'its network namespace mode differs';
  if (!hostNetwork && newest.ips.length === 0) return 'it has no address';
  return undefined;
}

/** Stops what is left of every sandbox but the usable one; true when all are stopped. Their network is returned by it. */
export function stopSandboxes(turn: Turn, keep?: string): boolean {
  let stopped = true;
  for (const sandbox of turn.facts.runtime?.sandboxes ?? []) {
    if (sandbox.id === keep || turn.memory.stoppedSandboxes.includes(sandbox.id)) continue;
    const name = slotOf.stopSandbox(sandbox.id);
    const s = slot(turn.facts, name);
    if (s.last && !s.last.error) {
      turn.memory.stoppedSandboxes = [...turn.memory.stoppedSandboxes, sandbox.id];
      continue;
    }
    stopped = false;
    const since = s.running ? { since: s.running.since } : {};
    because(turn, {
      code: 'StoppingSandbox',
      sandbox: sandbox.id,
      ...since,
      ...(s.last?.error ? { error: s.last.error.message } : {}),
    });
    launch(turn, { kind: 'stopSandbox', slot: name, sandboxId: sandbox.id });
  }
  return stopped;
}

/**
 * The sandbox to run containers in, or undefined while there is none: an unusable one is cleared away first (its
 * containers stopped, its network returned), then a new one is made once everything it needs is there.
 */
export function planSandbox(turn: Turn, pod: Pod, views: PodViews): ObservedSandbox | undefined {
  const { facts } = turn;
  const sandboxes = facts.runtime?.sandboxes ?? [];
  const newest = sandboxes[0];
  const changed = sandboxChanged(pod, sandboxes);
  if (newest && !changed) {
    stopSandboxes(turn, newest.id);
    return newest;
  }
  // A sandbox that is just being made may show before it is ready.
  if (newest && changed && !busy(facts, 'sandbox')) {
    because(turn, { code: 'SandboxChanged', sandbox: newest.id, cause: changed });
    emitOnce(turn, 'sandboxchanged', newest.createdAt, {
      type: 'Normal',
      reason: 'SandboxChanged',
      message: 'Pod sandbox changed, it will be killed and re-created.',
    });
    if (aliveContainers(facts).length > 0) {
      stopRunning(turn, views, {
        message: '',
        graceSeconds: ownGrace(pod),
        reason: 'sandbox',
      });
      return undefined;
    }
    if (!stopSandboxes(turn)) return undefined;
  }
  createSandbox(turn, pod, newest ? newest.attempt + 1 : 0);
  if (!busy(facts, 'sandbox') && !turn.start.some((a) => a.kind === 'createSandbox')) sandboxReplacementsFailed(turn);
  return undefined;
}

function createSandbox(turn: Turn, pod: Pod, attempt: number): void {
  const { facts } = turn;
  const s = slot(facts, 'sandbox');
  if (s.running) {
    const position = facts.gatePositions.sandbox;
    if (position !== undefined) because(turn, { code: 'GateQueue', slot: 'sandbox', position });
    because(turn, { code: 'CreatingSandbox', since: s.running.since });
    return;
  }
  if (facts.node.runtimeProblem !== undefined) {
    because(turn, { code: 'RuntimeNotReady', message: facts.node.runtimeProblem });
    return;
  }
  if (!facts.node.networkReady && pod.spec?.hostNetwork !== true) {
    because(turn, { code: 'NetworkNotReady', message: facts.node.networkMessage });
    emitOnce(turn, 'networknotready', 0, {
      type: 'Warning',
      reason: 'NetworkNotReady',
      message: `network is not ready: ${facts.node.networkMessage}`,
    });
    return;
  }
  if (turn.memory.volumesFailed) return;
  if (!planClaims(turn, pod, attempt)) return;
  const error = s.last?.action.kind === 'createSandbox' ? s.last.error : undefined;
  if (error) {
    if (error.reason !== UNREAD_SANDBOX)
      emitOnce(turn, 'sandboxfailed', s.last!.endedAt, {
        type: 'Warning',
        reason: 'FailedCreatePodSandBox',
        message: `Failed to create pod sandbox: ${error.message}`,
      });
    because(turn, { code: 'SandboxFailed', message: error.message, retryAt: retryAt(facts, 'sandbox') });
  } else because(turn, { code: 'CreatingSandbox', since: turn.now.mono });
  const again = shortLived(s, attempt);
  if (again > turn.now.mono) wake(turn, again);
  else launch(turn, { kind: 'createSandbox', slot: 'sandbox', attempt });
}

/**
 * When a sandbox that did not live for long may be followed by the next (mono ms): 250 ms after it was made, doubling to 10 s. A network
 * plugin that gives no address, or a pause image that ends at once, would otherwise have us make sandboxes without end.
 */
function shortLived({ last }: PodSlot, attempt: number): number {
  if (last?.action.kind !== 'createSandbox' || last.error || attempt === 0) return 0;
  return last.endedAt + backoffDelay(renewCurve, attempt - 1, 0);
}
