import type { NodeEvent } from '../../events/event.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { PluginHandler } from '../../plugins/handler.ts';
import type { DriverFigures } from '../../stats/storage.ts';
import type { PersistentVolumeClaim } from '../../types/k8s.ts';
import { AllocatableUpdates } from '../../volumes/csi/allocatableUpdates.ts';
import { CsiDrivers } from '../../volumes/csi/drivers.ts';
import { CsiKind } from '../../volumes/csi/kind.ts';
import { csiOperations, volumeLooks } from '../../volumes/csi/metrics.ts';
import { CsiNodeInfo } from '../../volumes/csi/nodeInfo.ts';
import { CsiRegistration } from '../../volumes/csi/registration.ts';
import { type CsiServices, secretReader } from '../../volumes/csi/services.ts';
import { CsiVolumeStats } from '../../volumes/csi/stats.ts';
import type { PersistentKind } from '../../volumes/persistent/contract.ts';
import type { ApiConnection } from './api.ts';
import type { Base } from './preflight.ts';

/** CSI drivers and what the cluster is told of them. */
export interface CsiStage {
  readonly drivers: CsiDrivers;
  readonly registration: PluginHandler;
  /** null without an API server: no CSI volume can be given then. */
  readonly nodeInfo: CsiNodeInfo | null;
  readonly services: CsiServices | undefined;
  /** What they tell of the room in their volumes. */
  readonly figures: DriverFigures;
  /** What their volumes behind claims are. */
  readonly kind: PersistentKind | undefined;
}

/** KEP-1432: an Event of the Pod, with the name that the Pod has for the volume. */
function tellAbnormal({ table }: Base, api: ApiConnection | null, uid: string, path: string, message: string): void {
  const entry = table.get(uid);
  const volume = entry?.pod?.spec?.volumes?.find(({ name }) => entry.volumePath(name) === path);
  if (!entry || !volume) return;
  const subject = { kind: 'Pod', apiVersion: 'v1', name: entry.name, namespace: entry.namespace, uid };
  api?.events.record(subject, 'Warning', 'VolumeConditionAbnormal', `Volume ${volume.name}: ${message}`);
}

/** Makes the table of drivers; empty until they register. Nothing is asked of the API server yet. */
export function openCsi(base: Base, api: ApiConnection | null, stack: AsyncDisposableStack): CsiStage {
  const { clock, log, nodeName, loaded } = base;
  const ended = new AbortController();
  stack.defer(() => ended.abort());
  const drivers = stack.use(new CsiDrivers());
  const nodeInfo = api && new CsiNodeInfo({ client: api.heartbeat, nodeName, clock, log, random: Math.random });
  const observe = csiOperations(base.metrics.metrics);
  const stats = new CsiVolumeStats({
    ...{ drivers, clock, log, root: base.rootDir },
    maxAgeMs: loaded.config.volumeStatsAggPeriod,
    health: loaded.gates.enabled('CSIVolumeHealth'),
    onLook: volumeLooks(base.metrics.metrics),
    onAbnormal: (uid, path, message) => tellAbnormal(base, api, uid, path, message),
  });
  const figures = { has: CsiVolumeStats.isCsi, of: (path: string, over: Promise<void>) => stats.of(path, over) };
  const registration = new CsiRegistration({ drivers, nodeInfo, clock, log, onCall: observe });
  if (!api || !nodeInfo)
    return { drivers, registration, figures, nodeInfo: null, services: undefined, kind: undefined };
  api.onNode((node) => {
    if (node)
      nodeInfo.seen(node, ended.signal).catch((error) => {
        if (!ended.signal.aborted) log.error('The CSINode does not follow the Node', { error: errorMessage(error) });
      });
  });
  const allocatable = stack.use(new AllocatableUpdates({ drivers, store: api.store, nodeInfo, clock, log }));
  const services = csiServices(base, api, drivers, allocatable);
  return { drivers, registration, figures, nodeInfo, services, kind: new CsiKind(services) };
}

/** What CSI volumes work with. */
function csiServices(
  { clock, nodeName, loaded }: Base,
  api: ApiConnection,
  drivers: CsiDrivers,
  allocatable: AllocatableUpdates,
): CsiServices {
  return {
    ...{ drivers, nodeName, clock },
    secret: secretReader(api.heartbeat, clock),
    attachment: (name: string) => api.heartbeat.get('VolumeAttachment', { name }),
    updateNow: (driver: string) => allocatable.updateNow(driver),
    claims: api.heartbeat,
    claimEvent: ({ metadata }: PersistentVolumeClaim, { type, reason, message }: NodeEvent) => {
      const { name = '', namespace = '', uid = '', resourceVersion } = metadata ?? {};
      const subject = { kind: 'PersistentVolumeClaim', apiVersion: 'v1', name, namespace, uid };
      api.events.record({ ...subject, ...(resourceVersion ? { resourceVersion } : {}) }, type, reason, message);
    },
    failedExpansions: new Set<string>(),
    republishMs: loaded.config.syncFrequency,
  };
}
