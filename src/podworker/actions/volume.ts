import { KubeletError } from '../../lib/errors.ts';
import { ownEntry } from '../../lib/ownEntry.ts';
import type { StoredPod, Volume } from '../../types/k8s.ts';
import type { MountWords } from '../../volumes/contract.ts';
import { RejectedVolume } from '../../volumes/volumeError.ts';
import type { ActionContext, Outcome } from '../outcome.ts';
import type { VolumeState } from '../rules/facts.ts';
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
  const known = ownEntry(facts.volumes, name);
  const told: { message?: string } = {};
  const tell = {
    event: context.event,
    progress: (message: string | undefined) => {
      // A turn for what is new only.
      if (signal.aborted || told.message === message) return;
      if (message === undefined) delete told.message;
      else told.message = message;
      context.volumeWait(name, message);
    },
  };
  try {
    return await setUp(services, context, volume, known, objects, tell);
  } catch (error) {
    if (!(error instanceof RejectedVolume)) throw error;
    return { admission: { state: 'rejected', reason: error.reason, message: error.message } };
  } finally {
    tell.progress(undefined);
  }
}

async function setUp(
  services: Services,
  { pod, signal }: ActionContext,
  volume: Volume,
  known: VolumeState | undefined,
  objects: string,
  tell: MountWords,
): Promise<Outcome> {
  const { name } = volume;
  const { volumeContext } = services;
  if (known) {
    const { digest, refreshAt } = await services.volumes.update(pod as StoredPod, volume, volumeContext, signal, tell);
    const { refreshAt: _, ...rest } = known;
    return { volume: { name, state: { ...rest, digest, objects, ...(refreshAt === undefined ? {} : { refreshAt }) } } };
  }
  const mounted = await services.volumes.mount(pod as StoredPod, volume, volumeContext, signal, tell);
  const { hostPath, digest, readOnly, block, group, seLinuxRelabel, refreshAt } = mounted;
  const state = {
    hostPath,
    digest,
    objects,
    ...(readOnly ? { readOnly } : {}),
    ...(block ? { block } : {}),
    ...(group === undefined ? {} : { group }),
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
