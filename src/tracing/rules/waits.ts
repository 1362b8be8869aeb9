import type { Reason, ReasonCode } from '../../timeline/reasons.ts';
import type { Attributes } from '../spans.ts';

/** These hold nothing back that would still come: the Pod is over, or goes on as it is. */
const NO_WAITS: ReadonlySet<ReasonCode> = new Set(['Completed', 'Rejected', 'ResizePending']);

/** What still waits of a Pod. */
export function waitsIn(reasons: readonly Reason[]): readonly Reason[] {
  return reasons.filter(({ code }) => !NO_WAITS.has(code));
}

/** The fields that tell one wait from another of its kind, with their names as attributes. */
const NAMES = {
  container: 'k8s.container.name',
  volume: 'k8s.volume.name',
  object: 'kubelet.object',
  image: 'container.image.name',
  slot: 'kubelet.slot',
  sandbox: 'kubelet.sandbox',
  condition: 'kubelet.condition',
} as const;

/** Numbers and words of a wait that say why it took as long; of messages each has one at most. */
const DETAILS = {
  message: 'kubelet.message',
  error: 'kubelet.message',
  problem: 'kubelet.message',
  waitsFor: 'kubelet.waits_for',
  state: 'kubelet.state',
  exitCode: 'kubelet.exit_code',
  restarts: 'kubelet.restarts',
  graceSeconds: 'kubelet.grace_seconds',
  delayMs: 'kubelet.back_off_ms',
  totalBytes: 'kubelet.image.bytes',
  layers: 'kubelet.image.layers',
  provider: 'kubelet.credential_provider',
  what: 'kubelet.status',
} as const;

/** Two reasons with one key are one wait, whatever their numbers say meanwhile. */
export function waitKey(reason: Reason): string {
  return [reason.code, ...Object.keys(NAMES).map((field) => fieldOf(reason, field) ?? '')].join('/');
}

/** What a span says of its wait. */
export function waitAttributes(reason: Reason): Attributes {
  const attributes: Record<string, string | number | readonly string[]> = {};
  for (const [field, name] of Object.entries({ ...NAMES, ...DETAILS })) {
    const value = fieldOf(reason, field);
    if (typeof value === 'string' || typeof value === 'number') attributes[name] = value;
    else if (Array.isArray(value)) attributes[name] = value.slice(0, 16).map(String);
  }
  return attributes;
}

function fieldOf(reason: Reason, field: string): unknown {
  return (reason as unknown as Record<string, unknown>)[field];
}
