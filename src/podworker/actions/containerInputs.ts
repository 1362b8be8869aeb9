import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerConfig } from '../../cri/generated/runtime.ts';
import type { DeviceSettings } from '../../devices/rules/runOptions.ts';
import type { ImageFact } from '../../images/types.ts';
import { goQuote } from '../../k8s/goText.ts';
import { podIPsOf } from '../../pods/rules/podIPs.ts';
import type { Container, Pod, StoredPod } from '../../types/k8s.ts';
import type { ActionContext } from '../outcome.ts';
import { containerConfig } from '../spec/containerConfig.ts';
import { resolveEnv } from '../spec/env.ts';
import type { ResolvedVariable } from '../spec/envTypes.ts';
import { ETC_HOSTS_FILE, etcHosts } from '../spec/etcHosts.ts';
import { podHostname } from '../spec/hostname.ts';
import type { RunAsUser } from '../spec/runAsNonRoot.ts';
import { bindSubPaths, volumeInputs } from './containerVolumes.ts';
import type { CreateOrder } from './createContainer.ts';
import { handlerOf } from './ensureImage.ts';
import { ensureUserNamespace } from './sandbox.ts';
import type { Services } from './services.ts';

/**
 * The request for a container, with everything that it is made from. Rejects with what is wrong with the spec or its references.
 * `terminationLogPath`: null without a termination message.
 */
export async function configFor(
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
  const devices = await services.devices.settings(pod as StoredPod, container, context.signal);
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
    ...volumeInputs(services, context),
    restartCount: order.attempt,
    imageRef: image.imageId ?? container.image ?? '',
    imageUser: userOf(image),
    ...{ env, podIPs, podDir },
    subPaths,
    ...{ terminationLogPath, targetContainerId, deviceAllocation: withClaims(claimed, devices) },
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
