import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CONTAINER_HASH, kubeletOnly, unstarted } from '../../cri/convert.ts';
import { CriError } from '../../cri/error.ts';
import type { ContainerConfig } from '../../cri/generated/runtime.ts';
import type { ObservedContainer } from '../../cri/observed.ts';
import type { DeviceSettings } from '../../devices/rules/runOptions.ts';
import type { ImageFact } from '../../images/types.ts';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage, isAbort, KubeletError } from '../../lib/errors.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import { differsIn, effective, mergeResources } from '../../pods/rules/actuation.ts';
import { resourcesOf } from '../../pods/rules/allocation.ts';
import { podIPsOf } from '../../pods/rules/podIPs.ts';
import type { AllocatedPod, Container, Pod, ResourceRequirements, StoredPod } from '../../types/k8s.ts';
import { toEffectError } from '../effectError.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import { containerConfig } from '../spec/containerConfig.ts';
import type { MappedDevice, SpecVolume } from '../spec/context.ts';
import { resolveEnv } from '../spec/env.ts';
import type { ResolvedVariable } from '../spec/envTypes.ts';
import { ETC_HOSTS_FILE, etcHosts } from '../spec/etcHosts.ts';
import { podHostname } from '../spec/hostname.ts';
import type { RunAsUser } from '../spec/runAsNonRoot.ts';
import { mountSubPath } from '../spec/subPath.ts';
import { handlerOf } from './ensureImage.ts';
import { imageVolumes } from './imageVolumeSpecs.ts';
import { keepActuated } from './resizePod.ts';
import { configOf, ensureUserNamespace, ticket } from './sandbox.ts';
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
  const log = terminationLog(join(services.podsDir, facts.uid), container);
  const config = await asConfigError(() => configFor(services, context, container, order, log));
  const sandboxConfig = configOf(services, pod, sandbox?.attempt ?? 0);
  // The first attempt follows the Pod's preparation; later somebody may have removed the cgroup, and runc would make one without limits.
  if (order.attempt > 0) await asConfigError(() => services.cgroups.ensure(pod, true));
  await resourcesWritten(services, pod, container);
  // Last of all: what is refused before it, again and again, leaves no file behind.
  if (log !== null) await asConfigError(() => makeTerminationLog(log));
  const send = () => services.cri.createContainer(order.sandboxId, config, sandboxConfig);
  let id: string;
  try {
    id = await services.gate.run(ticket(context, order.slot), send, context.signal);
  } catch (error) {
    // A call whose outcome is unknown may have made a container that writes into it.
    if (log !== null && toEffectError(error).settled) await removeTerminationLog(services, log);
    if (isAbort(error) && !(error instanceof CriError)) throw error;
    throw new KubeletError(errorMessage(error), { code: 'CreateContainerError', cause: error });
  }
  const news = { containers: { [container.name]: actuatedOf(pod, container) } };
  context.event({ type: 'Normal', reason: 'Created', message: 'Container created', container: container.name });
  const cpus = config.linux?.resources?.cpusetCpus ?? '';
  return {
    ...(cpus !== '' && { cpuSet: { id, cpus } }),
    actuated: keepActuated(services, context, news),
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

/**
 * What the Pod was given is on the disk before it is used; it has been on its way there since the Pod was admitted. Of a container that is
 * restarted for a resize that counts for what it is to have, too: it must not be restarted for it again.
 */
async function resourcesWritten(
  { allocated, actuated, log }: Services,
  pod: AllocatedPod,
  container: Container,
): Promise<void> {
  const uid = pod.metadata?.uid ?? '';
  const before = ownEntry(actuated.get(uid)?.containers, container.name);
  const isResized = before !== undefined && differsIn(before, actuatedOf(pod, container));
  if (isResized) {
    const news = { containers: { [container.name]: actuatedOf(pod, container) } };
    actuated.set(uid, mergeResources(actuated.get(uid), news));
  }
  // Not over what is known: more may have been allocated since this was decided.
  const written = allocated.get(uid) ? allocated.saved(uid) : allocated.save(uid, resourcesOf(pod));
  // A full disk keeps nobody from starting: as the Go kubelet, which writes it into its log and goes on.
  await Promise.all([written, ...(isResized ? [actuated.flush()] : [])]).catch((error) =>
    log.warn('Failed to write down the resources of a Pod', { podUID: uid, error: errorMessage(error) }),
  );
}

function actuatedOf(pod: AllocatedPod, { resources = {} }: Container): ResourceRequirements {
  return effective(resources, pod.spec?.resources);
}

async function asConfigError<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (isAbort(error) && !(error instanceof CriError)) throw error;
    throw new KubeletError(errorMessage(error), { code: 'CreateContainerConfigError', cause: error });
  }
}

async function configFor(
  services: Services,
  context: ActionContext,
  container: Container,
  order: CreateOrder,
  terminationLogPath: string | null,
): Promise<ContainerConfig> {
  const { pod, facts } = context;
  await ensureUserNamespace(services, pod);
  const targetContainerId = targetOf(context, container);
  const claimed = services.claims.cdiDevices(pod, container);
  const deviceAllocation = withClaims(
    claimed,
    await services.devices.settings(pod as StoredPod, container, context.signal),
  );
  const podIPs = podIPsOf(context.facts);
  const env = await environment(services, context, container, podIPs);
  const podDir = join(services.podsDir, facts.uid);
  const image = await knownImage(services, context, container.image ?? '');
  const [subPaths] = await Promise.all([
    bindSubPaths(services, context, container, env),
    writeHosts(services, pod, podDir, podIPs),
  ]);
  return containerConfig(pod, container, {
    node: services.spec,
    cgroupParent: services.cgroups.parent(pod),
    userNamespace: services.userNamespaces.of(facts.uid),
    volumeGroups: volumeGroups(context),
    restartCount: order.attempt,
    imageRef: image.imageId ?? container.image ?? '',
    imageUser: userOf(image),
    env,
    podIPs,
    podDir,
    volumes: mountedVolumes(context),
    subPaths,
    blockDevices: blockDevices(context),
    imageVolumes: imageVolumes(services, context),
    supportsRecursiveReadOnly: services.recursiveReadOnly(services.runtimeHandler(pod)),
    terminationLogPath,
    deviceAllocation,
    targetContainerId,
    exclusiveCPUs: services.placement.unthrottled(facts.uid, container.name),
    ...services.placement.of(facts.uid, container.name),
  });
}

/** Devices of claims come first, as kubelet has it. */
function withClaims(claimed: readonly string[], others: DeviceSettings | null): DeviceSettings | null {
  if (claimed.length === 0) return others;
  const { cdiDevices = [], ...rest } = others ?? { env: [], mounts: [], devices: [], annotations: {} };
  return { ...rest, cdiDevices: [...new Set([...claimed, ...cdiDevices])] };
}

/**
 * The image with the user that it runs as. The Go kubelet asks the runtime at each create (getImageUser); here the answer for
 * the image's check is kept, and only where there was none it is asked again. Rejects when it still does not answer.
 */
async function knownImage(
  services: Services,
  { pod, facts, signal }: ActionContext,
  image: string,
): Promise<ImageFact> {
  const { images } = services;
  const known = images.fact(facts.uid, image);
  if (known.user) return known;
  const annotations = pod.metadata?.annotations ?? {};
  const asked = await images.check({ podUid: facts.uid, image, annotations, signal, ...handlerOf(services, pod) });
  // Another image of this name may have come meanwhile, and nobody has asked whether this Pod may use it.
  if (known.imageId !== undefined && asked.present === true && asked.imageId !== known.imageId) {
    throw new Error(`Image ${goQuote(image)} is not the one any more that was looked for`);
  }
  if (asked.user) return asked;
  throw new Error(asked.failure?.message ?? `The runtime does not have image ${goQuote(image)} any more`);
}

/** Nobody named in an answer means root. */
function userOf({ user }: ImageFact): RunAsUser {
  if (user?.uid !== undefined) return { uid: user.uid };
  return user?.username ? { username: user.username } : { uid: 0 };
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

function mountedVolumes({ facts }: ActionContext): Map<string, SpecVolume> {
  const found = new Map<string, SpecVolume>();
  for (const [name, v] of Object.entries(facts.volumes)) {
    if (v.block) continue;
    const { hostPath, readOnly = false, seLinuxRelabel = false } = v;
    found.set(name, { hostPath, readOnly, seLinuxRelabel });
  }
  return found;
}

function blockDevices({ facts }: ActionContext): Map<string, MappedDevice> {
  const found = Object.entries(facts.volumes).filter(([, { block }]) => block);
  return new Map(found.map(([name, { hostPath, readOnly = false }]) => [name, { hostPath, readOnly }]));
}

/** Groups that its PersistentVolumes ask for and that the Pod does not have by itself. */
function volumeGroups({ pod, facts }: ActionContext): number[] {
  const own = pod.spec?.securityContext?.supplementalGroups ?? [];
  const asked = Object.values(facts.volumes).flatMap(({ group }) => (group === undefined ? [] : [group]));
  return [...new Set(asked)].filter((group) => !own.includes(group));
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
    const volume = ownEntry(facts.volumes, mount.name);
    if (!volume) continue;
    const subPath = mountSubPath(mount, env);
    const mounted = { name: mount.name, hostPath: volume.hostPath, digest: volume.digest, tmpfs: false };
    const request = { container: container.name, mountIndex: index, subPath, mounted };
    bound.set(index, await services.volumes.prepareSubPath(pod as StoredPod, request));
  }
  return bound;
}

/** The name of a fresh file for each attempt, as kubelet's makeMounts gives it. */
function terminationLog(podDir: string, container: Container): string | null {
  if (!container.terminationMessagePath) return null;
  return join(podDir, 'containers', container.name, randomBytes(4).toString('hex'));
}

/** Makes the file, writable by any user of the container. */
async function makeTerminationLog(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeFile(path, '', { flag: 'wx' });
  await chmod(path, 0o666);
}

/** A file that cannot be removed must not hide why there is no container: it goes with the Pod's directory. */
async function removeTerminationLog({ log }: Services, path: string): Promise<void> {
  await rm(path, { force: true }).catch((error) =>
    log.warn('the termination log of a container that was not made stays', { path, error: errorMessage(error) }),
  );
}

async function writeHosts(services: Services, pod: Pod, podDir: string, podIPs: readonly string[]): Promise<void> {
  const { hostname, domain } = podHostname(pod, services.dns().clusterDomain);
  const nodeHosts = pod.spec?.hostNetwork ? await services.hostsFile() : '';
  const path = join(podDir, ETC_HOSTS_FILE);
  await writeFile(path, etcHosts(pod, { podIPs, hostname: { hostname, domain }, nodeHosts }), { mode: 0o644 });
}

/**
 * The container whose processes an ephemeral one is to see: the newest of that name, in whatever state. It is the runtime that
 * refuses one that does not run, so a debugger never starts without its target (kubelet's getTargetID).
 */
function targetOf({ pod, facts }: ActionContext, container: Container): string | null {
  const target = pod.spec?.ephemeralContainers?.find((c) => c.name === container.name)?.targetContainerName;
  if (!target) return null;
  const newest = facts.runtime?.containers.find((c) => c.name === target);
  if (!newest) throw new Error(`unable to find target container ${target}`);
  return newest.id;
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
