import { mergedPodSource } from '../../api/mergedPodSource.ts';
import type { NodeEvent } from '../../events/event.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { PressureKeeper } from '../../node/eviction/pressureKeeper.ts';
import { Housekeeping } from '../../node/housekeeping.ts';
import { OomWatch } from '../../node/oom/oomWatch.ts';
import { containerLogsDir } from '../../node/preflight/directories.ts';
import { PRESSURE_CONDITIONS, type PressureCondition } from '../../pods/nodePressure.ts';
import { followSources, removeOrphanMirrors } from '../../podworker/sources.ts';
import type { Node } from '../../types/k8s.ts';
import type { ApiConnection } from './api.ts';
import type { Collectors } from './collectors.ts';
import type { NodeStage } from './node.ts';
import type { PodStage } from './pods.ts';
import type { Base } from './preflight.ts';
import type { PressureStage } from './pressure.ts';

/** The last stage: manifests are heard at once, the API server's Pods when the Node object was read. */
export function hearSources(
  base: Base,
  api: ApiConnection | null,
  stage: NodeStage,
  pods: PodStage,
  collectors: Collectors,
  { keeper }: PressureStage,
  stack: AsyncDisposableStack,
): void {
  const { clock, log, table } = base;
  const { runtime, records, mirrors, status, manifests } = pods;
  const sources = stack.use(mergedPodSource([...manifests, ...(api ? [api.pods] : [])]));
  const keeping = { mirrors, workers: runtime.workers, client: api?.heartbeat ?? null };
  const removeMirrors = () => removeOrphanMirrors(keeping);
  const housekeeping = stack.use(openHousekeeping(base, stage, pods, collectors, removeMirrors));
  stack.use(
    followSources({
      ...keeping,
      ...{ sources, clock, log },
      publisher: status?.publisher ?? null,
      ledger: stage.ledger,
      onSynced: () => {
        const uids = new Set(table.all().map(({ uid }) => uid));
        stage.volumes.sourcesSynced();
        stage.managers.keep(uids);
        records.keepOnly(uids);
        housekeeping.start();
        stage.devices.prune();
        stage.claims.prune();
        keeper.allowEvictions();
      },
    }),
  );
  watchOoms(base, stage, stack);
  for (const source of manifests) source.start();
  if (api) serveNode(base, api, stage, keeper);
}

function openHousekeeping(
  { clock, log, table, loaded, tracing }: Base,
  stage: NodeStage,
  { runtime, services, tidyImages }: PodStage,
  collectors: Collectors,
  removeMirrors: () => ReturnType<typeof removeOrphanMirrors>,
): Housekeeping {
  const { cri, volumes, checkpoints, podsDir } = services;
  return new Housekeeping({
    ...{ table, cri, volumes, checkpoints, podsDir, containerLogsDir, clock, log, tidyImages },
    reserve: (uid) => runtime.workers.reserve(uid),
    cgroups: stage.cgroups,
    releaseIds: (uid) => services.userNamespaces.release(uid),
    podLogsDir: loaded.config.podLogsDir,
    collectDead: () => collectors.dead.collect(),
    recordEvent: (event) => stage.events.node(event),
    removeOrphanMirrors: removeMirrors,
    tracing: tracing?.spans,
  });
}

/** Tells of processes that the kernel killed because the machine had no memory left. */
function watchOoms({ rootDir, clock, log }: Base, { node, events }: NodeStage, stack: AsyncDisposableStack): void {
  const recordEvent = (event: NodeEvent) => events.node(event);
  const { bootID } = node.machine;
  void stack.use(new OomWatch({ rootDir, bootID, clock, log, recordEvent, random: Math.random })).start();
}

/** Registers the Node and keeps it. Its Pods are watched only after its object was read: rules about its labels need it. */
function serveNode(
  { log, nodeName }: Base,
  api: ApiConnection,
  { node, ledger, refreshLedger }: NodeStage,
  keeper: PressureKeeper,
): void {
  api.services.start();
  let started = false;
  const onNode = (object: Node) => {
    if (!started) keeper.remember(pressuresOf(object));
    refreshLedger();
    if (!started) api.pods.start();
    started = true;
  };
  // Static Pods must start while the API server is away: that is how control planes boot.
  node
    .serve(api, onNode, () => ledger.open())
    .catch((error) => log.error('Stopped serving the Node object', { node: nodeName, error: errorMessage(error) }));
}

/** The pressure conditions that the API server shows as true. */
function pressuresOf({ status }: Node): PressureCondition[] {
  return PRESSURE_CONDITIONS.filter((type) => status?.conditions?.some((c) => c.type === type && c.status === 'True'));
}
