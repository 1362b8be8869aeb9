import { join } from 'node:path';
import type { LoadedConfiguration } from '../config/load.ts';
import type { ImageManager } from '../images/imageManager.ts';
import { DEFAULT_PULL_LIMITS, type PullLimits } from '../images/pullFlights.ts';
import { matchesNodeSelector } from '../ledger/rules/nodeAffinity.ts';
import { containerLogsDir } from '../node/preflight/directories.ts';
import type { Mirrors } from '../pods/mirrors.ts';
import { envLookups } from '../podworker/actions/env/environment.ts';
import { podApi } from '../podworker/actions/podApi.ts';
import { podLimits } from '../podworker/actions/podLimits.ts';
import type { Services } from '../podworker/actions/services.ts';
import { checkpointDir, FileCheckpoints } from '../podworker/checkpointStore.ts';
import type { PodObjects } from '../podworker/objects.ts';
import type { DnsInputs } from '../podworker/spec/dns.ts';
import type { Pod, Secret } from '../types/k8s.ts';
import { createVolumeManager } from '../volumes/manager.ts';
import { storageOperations } from '../volumes/metrics.ts';
import { seLinuxCounts } from '../volumes/seLinuxMetrics.ts';
import { readHosts, readResolvConf } from './nodeFiles.ts';
import type { ApiConnection } from './stages/api.ts';
import type { CsiStage } from './stages/csi.ts';
import type { NodeStage } from './stages/node.ts';
import type { Base } from './stages/preflight.ts';
import type { Projections } from './stages/projections.ts';
import type { Runtime } from './stages/runtime.ts';
import { placementOf } from './tellCpus.ts';

/** What the services are made of. */
export interface ServicesOptions {
  readonly base: Base;
  readonly runtime: Runtime;
  readonly stage: NodeStage;
  readonly api: ApiConnection | null;
  readonly csi: CsiStage;
  readonly objects: PodObjects;
  readonly mirrors: Mirrors;
  readonly projections: Projections;
  readonly hooks: Services['hooks'];
  readonly images: ImageManager;
  readonly records: Pick<Services, 'allocated' | 'actuated'>;
  readonly userNamespaces: Services['userNamespaces'];
}

/** Only maxParallelImagePulls limits pulls; serializeImagePulls, true by default, does not (docs/differences.md). */
export function pullLimits(
  config: Pick<LoadedConfiguration['config'], 'maxParallelImagePulls' | 'registryPullQPS' | 'registryBurst'>,
): PullLimits {
  return {
    maxParallel: config.maxParallelImagePulls ?? DEFAULT_PULL_LIMITS.maxParallel,
    qps: config.registryPullQPS,
    burst: config.registryBurst,
  };
}

/** Everything that the Pods' effects work with. */
export function makeServices(options: ServicesOptions): Services {
  const { base, runtime, stage, api, objects, mirrors } = options;
  const { loaded, clock, log, rootDir } = base;
  const { cri, gate } = runtime;
  const { node, ledger, spec, devices, claims } = stage;
  const { hooks, images, records, userNamespaces } = options;
  return {
    ...{ clock, log, cri, gate, ledger, images, userNamespaces, hooks, spec, devices, claims, ...records },
    ...volumeServices(options),
    cgroups: cgroupServices(stage),
    checkpoints: new FileCheckpoints(checkpointDir(rootDir)),
    api: api
      ? podApi(
          api.heartbeat,
          () => node.node,
          (pod) => mirrors.of(pod),
        )
      : null,
    nodeEvent: (event) => stage.events.node(event),
    dns: () => dnsInputs(loaded.config, node),
    podsDir: join(rootDir, 'pods'),
    containerLogsDir,
    hostsFile: () => readHosts('/etc/hosts'),
    runtimeHandler: (pod) => objects.runtimeHandler(pod),
    tellsImageVolumes: loaded.gates.enabled('ImageVolumeWithDigest'),
    imagesByHandler: loaded.gates.enabled('RuntimeClassInImageCriApi'),
    envLookups: (pod, container, podIPs) => envLookups(environment(options), pod, container, podIPs),
    pullSecrets: (pod) => pullSecrets(objects, pod),
    placement: placementOf(stage.managers),
    recursiveReadOnly: (handler) =>
      node.runtime.fact.handlers?.find((h) => h.name === handler)?.recursiveReadOnlyMounts ?? false,
    sandboxConfigs: new Map(),
  };
}

/** How volumes are set up, and what their contents are made of. */
function volumeServices({
  base,
  stage,
  csi,
  objects,
  projections,
}: ServicesOptions): Pick<Services, 'volumes' | 'volumeContext'> {
  const { log, rootDir, host, metrics } = base;
  const { node } = stage;
  const volumes = createVolumeManager({
    ...{ root: rootDir, mounter: host.createMounter(), log },
    persistent: stage.volumes,
    csi: csi.services,
    seLinux: stage.seLinux,
    onOperation: storageOperations(metrics.metrics),
    seLinuxCounts: seLinuxCounts(metrics.metrics),
  });
  const volumeContext: Services['volumeContext'] = {
    objects: objects.lookup,
    token: (demand, signal) => objects.token(demand, signal),
    ...projections.context,
    get nodeAllocatable() {
      return node.node.status?.allocatable ?? {};
    },
    fitsNode: (volume) => {
      const required = volume.spec?.nodeAffinity?.required;
      const { name, labels = {} } = node.node.metadata ?? {};
      return required === undefined || matchesNodeSelector(required, { name: name ?? '', labels });
    },
  };
  return { volumes, volumeContext };
}

function cgroupServices({ cgroups, managers }: NodeStage): Services['cgroups'] {
  return {
    parent: (pod) => cgroups.podCgroup(pod).cgroupParent,
    ...podLimits(cgroups, (pod) => managers.unthrottled(pod.metadata?.uid ?? '')),
    remove: (pod) => cgroups.destroy(cgroups.podCgroup(pod).name, AbortSignal.timeout(60_000)),
  };
}

function dnsInputs(config: LoadedConfiguration['config'], node: NodeStage['node']): DnsInputs {
  return {
    hostResolvConf: readResolvConf(config.resolvConf),
    clusterDNS: config.clusterDNS ?? [],
    clusterDomain: config.clusterDomain ?? '',
    nodeIPs: node.hostIPs(),
  };
}

/** What containers' environments are taken from. */
function environment({ base, stage, api, objects }: ServicesOptions): Parameters<typeof envLookups>[0] {
  const { log, table } = base;
  const { node } = stage;
  return {
    hasApiServer: api !== null,
    lookup: objects.lookup,
    log,
    services: () => (api === null ? [] : api.services.synced() ? [...api.services.objects().values()] : null),
    hostIPs: () => node.hostIPs(),
    allocatable: () => node.node.status?.allocatable ?? null,
    volumePath: (uid, volume) => table.get(uid)?.volumePath(volume),
  };
}

function pullSecrets(objects: PodObjects, pod: Pod): Secret[] {
  const namespace = pod.metadata?.namespace ?? '';
  return (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => {
    const found = name ? objects.lookup.get('Secret', namespace, name) : undefined;
    return found?.state === 'present' ? [found.object] : [];
  });
}
