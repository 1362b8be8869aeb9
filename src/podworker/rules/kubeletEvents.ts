import type { ObservedContainer } from '../../cri/observed.ts';
import type { TerminateCause } from '../../pods/facts.ts';
import { apiStatus } from '../../pods/rules/apiStatus.ts';
import type { Termination } from './memory.ts';
import { emitOnce, monoOf, type Turn, wake } from './turn.ts';

const familyOf = (ip: string) => (ip.includes(':') ? '6' : '4');

/** Code of the error of a sandbox that was made and could not be read: what is told of it was told then. */
export const UNREAD_SANDBOX = 'PodSandboxStatusError';

/** The runtime cannot be asked how the Pod is. Once until it can be again. */
export function tellUnreadable(turn: Turn): void {
  const { runtimeReadProblem, runtime } = turn.facts;
  if (!runtimeReadProblem) return;
  emitOnce(turn, 'failedsync', runtime?.seq ?? 0, {
    type: 'Warning',
    reason: 'FailedSync',
    message: `error determining status: ${runtimeReadProblem}`,
  });
}

/** Whom the Go kubelet ends with `killPodNow`, which does not wait for ever. */
const awaited: ReadonlySet<TerminateCause> = new Set(['evicted', 'preempted', 'shutdown']);

/** An end that was asked for takes longer than one and a half times its grace, and than ten seconds. */
export function tellOverdue(turn: Turn, alive: readonly ObservedContainer[], termination: Termination): void {
  if (!awaited.has(termination.cause) || alive.length === 0) return;
  const { since, graceSeconds } = termination;
  const due = since + Math.max(10, graceSeconds + Math.floor(graceSeconds / 2)) * 1000;
  if (turn.now.wall < due) {
    wake(turn, monoOf(turn, due));
    return;
  }
  emitOnce(turn, 'exceededgrace', 1, {
    type: 'Warning',
    reason: 'ExceededGracePeriod',
    message: 'Container runtime did not kill the pod within specified grace period.',
  });
}

/** The Pod's status has an address of the node of another family than the node's first one by now. */
export function tellOtherFamily(turn: Turn): void {
  const before = apiStatus(turn.facts)?.hostIP;
  const [first] = turn.facts.node.hostIPs;
  if (!turn.facts.node.api || !before || !first || familyOf(before) === familyOf(first)) return;
  emitOnce(turn, `hostip/${before}`, 1, {
    type: 'Warning',
    reason: 'HostIPsIPFamilyMismatch',
    message:
      `Kubelet detected an IPv${familyOf(before)} node IP (${before}), but the cloud provider selected an IPv${familyOf(first)} node IP` +
      ` (${first}); pass an explicit \`--node-ip\` to kubelet to fix this.`,
  });
}
