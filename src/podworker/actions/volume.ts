import { KubeletError } from '../../lib/errors.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import type { Services } from './services.ts';

/** Sets a volume up, or renews its payload when it is there. `objects`: fingerprint of what it is made from. */
export async function mountVolume(
  services: Services,
  context: ActionContext,
  name: string,
  objects: string,
): Promise<Outcome> {
  const { pod, facts, signal } = context;
  const volume = pod.spec?.volumes?.find((v) => v.name === name);
  if (!volume) throw new KubeletError(`the Pod has no volume ${name}`, { code: 'FailedMount' });
  const known = facts.volumes[name];
  if (known) {
    const { digest, refreshAt } = await services.volumes.update(
      pod as StoredPod,
      volume,
      services.volumeContext,
      signal,
    );
    const { refreshAt: _, ...rest } = known;
    return { volume: { name, state: { ...rest, digest, objects, ...(refreshAt === undefined ? {} : { refreshAt }) } } };
  }
  const mounted = await services.volumes.mount(pod as StoredPod, volume, services.volumeContext, signal);
  const { hostPath, digest, readOnly, seLinuxRelabel, refreshAt } = mounted;
  const state = {
    hostPath,
    digest,
    objects,
    ...(readOnly ? { readOnly } : {}),
    ...(seLinuxRelabel ? { seLinuxRelabel } : {}),
    ...(refreshAt === undefined ? {} : { refreshAt }),
  };
  return { volume: { name, state } };
}

/** Takes all of the Pod's volumes down. Safe without a mount before it. */
export async function unmountVolumes(services: Services, { facts, signal }: ActionContext): Promise<Outcome> {
  await services.volumes.unmountAll(facts.uid, signal);
  return { volumesGone: true };
}
