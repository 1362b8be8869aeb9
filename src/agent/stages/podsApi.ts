import { errorMessage } from '../../lib/errors.ts';
import type { Base } from './preflight.ts';

/** Opens the socket of the Pods API behind its gate. That it cannot be opened is said, and holds nothing up. */
export async function openPodsApi(base: Base, stack: AsyncDisposableStack): Promise<void> {
  const { rootDir, table, clock, log, metrics, loaded } = base;
  if (!loaded.gates.enabled('PodsAPI')) return;
  const dropped = metrics.metrics.counter('kubelet_pod_watch_events_dropped_total');
  try {
    // Few nodes have the gate on: the others load none of it.
    const { servePodsApi } = await import('../../server/podsApi/server.ts');
    stack.use(await servePodsApi({ rootDir, table, clock, onDropped: () => dropped.inc() }));
  } catch (error) {
    log.error('The socket of the Pods API could not be opened; nobody can ask there for the Pods of the node', {
      error: errorMessage(error),
    });
  }
}
