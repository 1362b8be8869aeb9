import { randomBytes } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONTAINER_HASH, kubeletOnly, unstarted } from '../../cri/convert.ts';
import { CriError } from '../../cri/error.ts';
import type { ContainerConfig, ImageSpec } from '../../cri/generated/runtime.ts';
import type { ObservedContainer } from '../../cri/observed.ts';
import { errorMessage, isAbort, KubeletError } from '../../lib/errors.ts';
import type { Container, Pod, StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { containerConfig } from '../spec/containerConfig.ts';
import type { MountedVolume } from '../spec/context.ts';
import { resolveEnv } from '../spec/env.ts';
import type { ResolvedVariable } from '../spec/envTypes.ts';
import { ETC_HOSTS_FILE, etcHosts } from '../spec/etcHosts.ts';
import { podHostname } from '../spec/hostname.ts';
import { imageVolumeSpec } from '../spec/imageVolume.ts';
import { mountSubPath } from '../spec/subPath.ts';
import { configOf, ticket } from './sandbox.ts';
import type { Services } from './services.ts';

/** What the decision fixed. */
export interface CreateOrder {
  readonly slot: string;
  readonly container: string;
  readonly sandboxId: string;
  readonly attempt: number;
}

/** Every container of the Pod by name, ephemeral ones in the same shape. */
export function findContainer(pod: Pod, name: string): Container | undefined {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...(ephemeralContainers as readonly Container[])].find(
    (c) => c.name === name,
  );
}

/** The Pod's addresses, the node's first family first; the node's own on its network. */
export function podIPsOf({ facts }: Pick<ActionContext, 'facts'>): string[] {
  const sandbox = facts.runtime?.sandboxes[0];
  const ips = sandbox && sandbox.ips.length > 0 ? sandbox.ips : facts.pod?.spec?.hostNetwork ? facts.node.hostIPs : [];
  const family = (ip: string) => (ip.includes(':') ? 6 : 4);
  const primary = ips.filter((ip) => family(ip) === facts.node.primaryFamily);
  return [...primary, ...ips.filter((ip) => !primary.includes(ip))];
}

/**
 * CreateContainer with everything it is made from: environment, volumes, hosts file, termination log. What is wrong with the
 * spec or its references is a CreateContainerConfigError, what the runtime refuses a CreateContainerError, as in kubelet.
 */
export async function createContainer(
  services: Services,
  context: ActionContext,
  order: CreateOrder,
): Promise<Outcome> {
  const { pod, facts } = context;
  const container = findContainer(pod, order.container);
  if (!container)
    throw new KubeletError(`the Pod has no container ${order.container}`, { code: 'CreateContainerConfigError' });
  const sandbox = facts.runtime?.sandboxes.find((s) => s.id === order.sandboxId);
  const config = await asConfigError(() => configFor(services, context, container, order));
  const sandboxConfig = configOf(services, pod, sandbox?.attempt ?? 0);
  const send = () => services.cri.createContainer(order.sandboxId, config, sandboxConfig);
  let id: string;
  try {
    id = await services.gate.run(ticket(context, order.slot), send, context.signal);
  } catch (error) {
    if (isAbort(error) && !(error instanceof CriError)) throw error;
    throw new KubeletError(errorMessage(error), { code: 'CreateContainerError', cause: error });
  }
  context.event({ type: 'Normal', reason: 'Created', message: 'Container created', container: container.name });
  return {
    seen: {
      container: created(
        services,
        id,
        config,
        order,
        services.images.fact(facts.uid, container.image ?? '').imageId ?? '',
      ),
    },
  };
}

async function asConfigError<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    throw new KubeletError(errorMessage(error), { code: 'CreateContainerConfigError', cause: error });
  }
}

async function configFor(
  services: Services,
  context: ActionContext,
  container: Container,
  order: CreateOrder,
): Promise<ContainerConfig> {
  const { pod, facts } = context;
  const podIPs = podIPsOf(context);
  const env = await environment(services, context, container, podIPs);
  const podDir = join(services.podsDir, facts.uid);
  const image = services.images.fact(facts.uid, container.image ?? '');
  const user =
    image.user?.uid !== undefined
      ? { uid: image.user.uid }
      : image.user?.username
        ? { username: image.user.username }
        : { uid: 0 };
  const [subPaths, terminationLogPath] = await Promise.all([
    bindSubPaths(services, context, container, env),
    makeTerminationLog(podDir, container),
    writeHosts(services, pod, podDir, podIPs),
  ]);
  return containerConfig(pod, container, {
    node: services.spec,
    cgroupParent: services.cgroups.parent(pod),
    userNamespace: null,
    volumeGroups: [],
    restartCount: order.attempt,
    imageRef: image.imageId ?? container.image ?? '',
    imageUser: user,
    env,
    podIPs,
    podDir,
    volumes: mountedVolumes(context),
    subPaths,
    blockDevices: new Map(),
    imageVolumes: imageVolumes(services, context),
    supportsRecursiveReadOnly: services.recursiveReadOnly(services.runtimeHandler(pod)),
    terminationLogPath,
    deviceAllocation: null,
    targetContainerId: targetOf(context, container),
    exclusiveCPUs: false,
    cpusetCpus: '',
    cpusetMems: '',
  });
}

async function environment(
  services: Services,
  { pod }: ActionContext,
  container: Container,
  podIPs: readonly string[],
): Promise<readonly ResolvedVariable[]> {
  const resolved = resolveEnv(pod, container, await services.envLookups(pod, container, podIPs));
  if ('env' in resolved) return resolved.env;
  throw new Error(resolved.missing[0].message);
}

function mountedVolumes({ facts }: ActionContext): Map<string, MountedVolume> {
  const found = new Map<string, MountedVolume>();
  for (const [name, v] of Object.entries(facts.volumes)) {
    found.set(name, { hostPath: v.hostPath, readOnly: v.readOnly === true, seLinuxRelabel: false });
  }
  return found;
}

/** Image volumes by name, as the runtime knows the pulled images. */
function imageVolumes(services: Services, { pod, facts }: ActionContext): Map<string, ImageSpec> {
  const found = new Map<string, ImageSpec>();
  for (const { name, image } of pod.spec?.volumes ?? []) {
    if (!image?.reference) continue;
    const { imageId = '' } = services.images.fact(facts.uid, image.reference);
    found.set(name, imageVolumeSpec(pod, image.reference, imageId, services.runtimeHandler(pod)));
  }
  return found;
}

async function bindSubPaths(
  services: Services,
  { pod, facts }: ActionContext,
  container: Container,
  env: readonly ResolvedVariable[],
): Promise<Map<number, string>> {
  const bound = new Map<number, string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    if (!mount.subPath && !mount.subPathExpr) continue;
    const volume = facts.volumes[mount.name];
    if (!volume) continue;
    const subPath = mountSubPath(mount, env);
    const mounted = { name: mount.name, hostPath: volume.hostPath, digest: volume.digest, tmpfs: false };
    const request = { container: container.name, mountIndex: index, subPath, mounted };
    bound.set(index, await services.volumes.prepareSubPath(pod as StoredPod, request));
  }
  return bound;
}

/** A fresh file for each attempt, writable by any user of the container (kubelet's makeMounts). */
async function makeTerminationLog(podDir: string, container: Container): Promise<string | null> {
  if (!container.terminationMessagePath) return null;
  const dir = join(podDir, 'containers', container.name);
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const path = join(dir, randomBytes(4).toString('hex'));
  await writeFile(path, '', { flag: 'wx' });
  await chmod(path, 0o666);
  return path;
}

async function writeHosts(services: Services, pod: Pod, podDir: string, podIPs: readonly string[]): Promise<void> {
  const { hostname, domain } = podHostname(pod, services.dns().clusterDomain);
  const nodeHosts = pod.spec?.hostNetwork ? await services.hostsFile() : '';
  const path = join(podDir, ETC_HOSTS_FILE);
  await writeFile(path, etcHosts(pod, { podIPs, hostname: { hostname, domain }, nodeHosts }), { mode: 0o644 });
}

function targetOf({ pod, facts }: ActionContext, container: Container): string | null {
  const target = pod.spec?.ephemeralContainers?.find((c) => c.name === container.name)?.targetContainerName;
  if (!target) return null;
  return facts.runtime?.containers.find((c) => c.name === target && c.state === 'running')?.id ?? null;
}

function created(
  services: Services,
  id: string,
  config: ContainerConfig,
  order: CreateOrder,
  imageId: string,
): ObservedContainer {
  const annotations = config.annotations ?? {};
  return unstarted({
    id,
    sandboxId: order.sandboxId,
    name: order.container,
    attempt: order.attempt,
    state: 'created',
    createdAt: services.clock.now().wall,
    image: config.image?.userSpecifiedImage ?? '',
    imageRef: imageId,
    imageId,
    hash: annotations[CONTAINER_HASH] ?? '',
    restartCount: order.attempt,
    annotations: kubeletOnly(annotations),
  });
}
