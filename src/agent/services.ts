import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadedConfiguration } from '../config/load.ts';
import type { ImageManager } from '../images/imageManager.ts';
import { DEFAULT_PULL_LIMITS, type PullLimits } from '../images/pullFlights.ts';
import { goSystemError } from '../k8s/goText.ts';
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
import type { ApiConnection } from './stages/api.ts';
import type { CsiStage } from './stages/csi.ts';
import type { NodeStage } from './stages/node.ts';
import type { Base } from './stages/preflight.ts';
import type { Projections } from './stages/projections.ts';
import type { Runtime } from './stages/runtime.ts';
import { placementOf } from './tellCpus.ts';

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
export function makeServices({
  base,
  runtime,
  stage,
  api,
  csi,
  objects,
  mirrors,
  projections,
  hooks,
  images,
  records,
  userNamespaces,
}: ServicesOptions): Services {
  const { loaded, clock, log, rootDir, table, host } = base;
  const { cri, gate } = runtime;
  const { node, ledger, cgroups } = stage;
  const { config } = loaded;
  const allocatable = () => node.node.status?.allocatable ?? null;
  return {
    clock,
    log,
    cri,
    gate,
    ledger,
    images,
    userNamespaces,
    volumes: createVolumeManager({
      ...{ root: rootDir, mounter: host.createMounter(), log },
      persistent: stage.volumes,
      csi: csi.services,
      seLinux: stage.seLinux,
      onOperation: storageOperations(base.metrics.metrics),
      seLinuxCounts: seLinuxCounts(base.metrics.metrics),
    }),
    volumeContext: {
      objects: objects.lookup,
      token: (demand, signal) => objects.token(demand, signal),
      ...projections.context,
      get nodeAllocatable() {
        return allocatable() ?? {};
      },
      fitsNode: (volume) => {
        const required = volume.spec?.nodeAffinity?.required;
        const { name, labels = {} } = node.node.metadata ?? {};
        return required === undefined || matchesNodeSelector(required, { name: name ?? '', labels });
      },
    },
    ...records,
    cgroups: {
      parent: (pod) => cgroups.podCgroup(pod).cgroupParent,
      ...podLimits(cgroups, (pod) => stage.managers.unthrottled(pod.metadata?.uid ?? '')),
      remove: (pod) => cgroups.destroy(cgroups.podCgroup(pod).name, AbortSignal.timeout(60_000)),
    },
    hooks,
    checkpoints: new FileCheckpoints(checkpointDir(rootDir)),
    api: api
      ? podApi(
          api.heartbeat,
          () => node.node,
          (pod) => mirrors.of(pod),
        )
      : null,
    spec: stage.spec,
    nodeEvent: (event) => stage.events.node(event),
    dns: () => ({
      hostResolvConf: readResolvConf(config.resolvConf),
      clusterDNS: config.clusterDNS ?? [],
      clusterDomain: config.clusterDomain ?? '',
      nodeIPs: node.hostIPs(),
    }),
    podsDir: join(rootDir, 'pods'),
    containerLogsDir,
    hostsFile: () => readHosts('/etc/hosts'),
    runtimeHandler: (pod) => objects.runtimeHandler(pod),
    tellsImageVolumes: loaded.gates.enabled('ImageVolumeWithDigest'),
    imagesByHandler: loaded.gates.enabled('RuntimeClassInImageCriApi'),
    envLookups: (pod, container, podIPs) =>
      envLookups(
        {
          hasApiServer: api !== null,
          lookup: objects.lookup,
          log,
          services: () => (api === null ? [] : api.services.synced() ? [...api.services.objects().values()] : null),
          hostIPs: () => node.hostIPs(),
          allocatable,
          volumePath: (uid, volume) => table.get(uid)?.volumePath(volume),
        },
        pod,
        container,
        podIPs,
      ),
    pullSecrets: (pod) => pullSecrets(objects, pod),
    devices: stage.devices,
    claims: stage.claims,
    placement: placementOf(stage.managers),
    recursiveReadOnly: (handler) =>
      node.runtime.fact.handlers?.find((h) => h.name === handler)?.recursiveReadOnlyMounts ?? false,
    sandboxConfigs: new Map(),
  };
}

/**
 * Read for each sandbox, as kubelet does: resolv.conf changes with the node's network. It is small and local. Why it cannot be read is an
 * answer too, in kubelet's words, because only who asks for the DNS of a Pod fails by it.
 */
export function readResolvConf(path: string): DnsInputs['hostResolvConf'] {
  if (path === '') return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return { unreadable: cannotRead(path, error) };
  }
}

/** The hosts file for Pods on the node's network. Rejects in kubelet's words, which become the container's waiting message. */
export async function readHosts(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Error(cannotRead(path, error), { cause: error });
  }
}

function cannotRead(path: string, error: unknown): string {
  return goSystemError((error as NodeJS.ErrnoException).syscall ?? 'open', error, path);
}

function pullSecrets(objects: PodObjects, pod: Pod): Secret[] {
  const namespace = pod.metadata?.namespace ?? '';
  return (pod.spec?.imagePullSecrets ?? []).flatMap(({ name }) => {
    const found = name ? objects.lookup.get('Secret', namespace, name) : undefined;
    return found?.state === 'present' ? [found.object] : [];
  });
}
