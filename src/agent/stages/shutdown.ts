import { untilHolds } from '../../lib/untilHolds.ts';
import { ShutdownState } from '../../node/shutdown/files.ts';
import { NodeShutdown } from '../../node/shutdown/nodeShutdown.ts';
import { neededMs, shutdownGroups } from '../../node/shutdown/rules/groups.ts';
import { SHUTTING_DOWN } from '../../node/shutdown/rules/words.ts';
import { ShutdownWatch } from '../../node/shutdown/shutdownWatch.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';

/** Holds the machine's shutdown back until Pods had their time, where the configuration gives them any. */
export async function watchShutdowns(
  base: Base,
  api: ApiConnection | null,
  stage: NodeStage,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { loaded, table, clock, log, host, rootDir } = base;
  const { config, gates } = loaded;
  const byPriority = gates.enabled('GracefulNodeShutdownBasedOnPodPriority');
  if (!gates.enabled('GracefulNodeShutdown')) return;
  const gauges = byPriority ? timeGauges(base) : undefined;
  const groups = shutdownGroups(config, byPriority);
  if (groups.length === 0) return;
  const times = byPriority ? new ShutdownState(rootDir, log) : undefined;
  const before = await times?.load();
  gauges?.(before?.start, before?.end);
  const shutdown = new NodeShutdown({
    ...{ groups, table, clock, log },
    state: stage.shuttingDown,
    notReady: (signal) => (api ? untilNotReady(stage, signal) : Promise.resolve()),
    writesStatuses: api !== null,
    release: () => watch.release(),
    recordEvent: (event) => stage.events.node(event),
    ...(times ? { times } : {}),
    onTimes: (start, end) => gauges?.(start, end),
  });
  const watch = stack.use(
    new ShutdownWatch({
      ...host.shutdowns,
      ...{ clock, log },
      neededMs: neededMs(groups),
      random: Math.random,
      onShutdown: (starts) => shutdown.heard(starts),
    }),
  );
  watch.start();
}

/** Seconds since the epoch; 0: never. */
function timeGauges({ metrics: { metrics } }: Base) {
  const start = metrics.gauge('kubelet_graceful_shutdown_start_time_seconds');
  const end = metrics.gauge('kubelet_graceful_shutdown_end_time_seconds');
  const seconds = (wall: number | undefined) => Math.floor((wall ?? 0) / 1000);
  return (startWall: number | undefined, endWall: number | undefined) => {
    start.set(seconds(startWall));
    end.set(seconds(endWall));
  };
}

/** Resolves when the API server has the Node as not ready. */
function untilNotReady({ node }: NodeStage, signal: AbortSignal): Promise<void> {
  const told = () =>
    node.node.status?.conditions?.some(
      ({ type, status, message }) => type === 'Ready' && status !== 'True' && message?.includes(SHUTTING_DOWN),
    ) ?? false;
  return untilHolds(told, (look) => node.onSeen(look), signal);
}
