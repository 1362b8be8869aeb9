import { mergedPodSource } from '../../api/mergedPodSource.ts';
import { errorMessage } from '../../lib/errors.ts';
import { Housekeeping } from '../../node/housekeeping.ts';
import { containerLogsDir } from '../../node/preflight/directories.ts';
import { followSources, removeOrphanMirrors } from '../../podworker/sources.ts';
import type { ApiConnection } from './api.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';

/** The last stage: manifests are heard at once, the API server's Pods when the Node object was read. */
export function hearSources(
  base: Base,
  api: ApiConnection | null,
  stage: NodeStage,
  pods: PodStage,
  stack: AsyncDisposableStack,
): void {
  const { clock, log, table, loaded } = base;
  const { runtime, services, records, mirrors, status, manifests } = pods;
  const { cri, volumes, checkpoints, podsDir } = services;
  const sources = stack.use(mergedPodSource([...manifests, ...(api ? [api.pods] : [])]));
  const keeping = { mirrors, workers: runtime.workers, client: api?.heartbeat ?? null };
  const housekeeping = stack.use(
    new Housekeeping({
      ...{ table, cri, volumes, checkpoints, podsDir, containerLogsDir, clock, log },
      reserve: (uid) => runtime.workers.reserve(uid),
      cgroups: stage.cgroups,
      podLogsDir: loaded.config.podLogsDir,
      removeOrphanMirrors: () => removeOrphanMirrors(keeping),
    }),
  );
  stack.use(
    followSources({
      ...keeping,
      ...{ sources, clock, log },
      publisher: status?.publisher ?? null,
      ledger: stage.ledger,
      onSynced: () => {
        records.keepOnly(new Set(table.all().map(({ uid }) => uid)));
        housekeeping.start();
      },
    }),
  );
  for (const source of manifests) source.start();
  if (api) serveNode(base, api, stage);
}

/** Registers the Node and keeps it. Its Pods are watched only after its object was read: rules about its labels need it. */
function serveNode({ log, nodeName }: Base, api: ApiConnection, { node, ledger, refreshLedger }: NodeStage): void {
  api.services.start();
  let started = false;
  const onNode = () => {
    refreshLedger();
    if (!started) api.pods.start();
    started = true;
  };
  // Static Pods must start while the API server is away: that is how control planes boot.
  node
    .serve(api, onNode, () => ledger.open())
    .catch((error) => log.error('Stopped serving the Node object', { node: nodeName, error: errorMessage(error) }));
}
