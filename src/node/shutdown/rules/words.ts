import type { NodeEvent } from '../../../events/event.ts';
import type { TerminateRequest } from '../../../pods/facts.ts';

const MESSAGE = 'Pod was terminated in response to imminent node shutdown.';

/** What keeps the node from being Ready. */
export const SHUTTING_DOWN = 'node is shutting down';

/** The end of a Pod because its node ends (KEP-2000). */
export function shutdownRequest(graceSeconds: number): TerminateRequest {
  const condition = { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message: MESSAGE } as const;
  return { cause: 'shutdown', graceSeconds, reason: 'Terminated', message: MESSAGE, condition };
}

/** The machine said that it shuts down, or that it does not after all. */
export function shutdownEvent(starts: boolean): NodeEvent {
  const what = starts ? 'shutdown event' : 'shutdown cancellation';
  return { type: 'Normal', reason: 'Shutdown', message: `Shutdown manager detected ${what}` };
}

/** logind's configuration that has it wait this long (logind.conf(5)). */
export function logindOverride(delayMs: number): string {
  return `# Written by the kubelet: time for Pods at a node shutdown\n[Login]\nInhibitDelayMaxSec=${Math.round(delayMs / 1000)}\n`;
}

/** A time as Go writes it in graceful_node_shutdown_state; its zero time for none. */
export function stateTime(wallMs: number | undefined): string {
  return wallMs === undefined ? '0001-01-01T00:00:00Z' : new Date(wallMs).toISOString();
}
