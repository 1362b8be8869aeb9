import { slot } from './slots.ts';
import { type Turn, wake } from './turn.ts';

/** How long the first word about an object may take before what needs it is said to have failed: as in Go (pkg/kubelet/util/manager). */
const PATIENCE_MS = 1_000;
const RESOURCES: Readonly<Record<string, string>> = { ConfigMap: 'configmap', Secret: 'secret' };

/**
 * The trouble with a ConfigMap or Secret that nobody could read since the Pod's directories were made, in Go's words. Undefined
 * while it is early, and for other kinds: those have words of their own.
 */
export function unreadTrouble(
  turn: Turn,
  { object, message }: { readonly object: string; readonly message: string },
): string | undefined {
  const resource = RESOURCES[object.split(' ', 1)[0] ?? ''];
  const ready = slot(turn.facts, 'prepare').last?.endedAt;
  if (resource === undefined || ready === undefined) return undefined;
  if (turn.now.mono < ready + PATIENCE_MS) {
    wake(turn, ready + PATIENCE_MS);
    return undefined;
  }
  const why = message.startsWith('not read from the API') ? 'timed out waiting for the condition' : message;
  return `failed to sync ${resource} cache: ${why}`;
}
