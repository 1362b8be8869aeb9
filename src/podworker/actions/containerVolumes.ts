import { ownEntry } from '../../lib/ownEntry.ts';
import type { Container, StoredPod } from '../../types/k8s.ts';
import type { ActionContext } from '../outcome.ts';
import type { MappedDevice, SpecVolume } from '../spec/context.ts';
import type { ResolvedVariable } from '../spec/envTypes.ts';
import { mountSubPath } from '../spec/subPath.ts';
import { imageVolumes } from './imageVolumeSpecs.ts';
import type { Services } from './services.ts';

/** What a container's mounts and devices may be made of. */
export function volumeInputs(services: Services, context: ActionContext) {
  return {
    volumes: mountedVolumes(context),
    blockDevices: blockDevices(context),
    imageVolumes: imageVolumes(services, context),
    volumeGroups: volumeGroups(context),
    supportsRecursiveReadOnly: services.recursiveReadOnly(services.runtimeHandler(context.pod)),
  };
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

/** Binds what containers mount of volumes by subPath; by index of the mount. */
export async function bindSubPaths(
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
