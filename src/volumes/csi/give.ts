import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource, PersistentVolume } from '../../types/k8s.ts';
import type { Published, WantedStep } from '../persistent/contract.ts';
import { ownByGroup } from '../persistent/fsGroup.ts';
import { answers } from '../persistent/mountPrograms.ts';
import { FinalError, stepFailed } from '../persistent/volumeStepError.ts';
import { PayloadError } from '../rules/payload.ts';
import { contextOption } from '../rules/seLinuxLabel.ts';
import type { Attachments } from './attachment.ts';
import { publishBlock } from './block.ts';
import { csiSays } from './csiError.ts';
import { blockPlaces, publishPath, stagingPath } from './names.ts';
import { publish } from './publish.ts';
import { takesLabels } from './selinux.ts';
import type { CsiServices } from './services.ts';

/** Publishes the volume for a Pod: as a device, or mounted with its files in the Pod's group. */
export async function give(services: CsiServices, attachments: Attachments, step: WantedStep): Promise<Published> {
  const { host, spec, pod, volume, context, signal, again } = step;
  const source = sourceOf(spec);
  const publishContext = await attached(step, () => attachments.justNow(source));
  if (volume.mode === 'Block') {
    const places = blockPlaces(host.root, volume.name, pod.metadata.uid);
    await publishBlock({ services, source, publishContext, pod, context, signal, again, spec, places });
    return { path: places.publish };
  }
  const target = publishPath(host.root, pod.metadata.uid, volume.name);
  const { refreshAt } = await publish({
    ...{ services, pod, context, signal, again, target, publishContext },
    mode: 'Persistent',
    driver: source.driver,
    handle: source.volumeHandle,
    specName: volume.name,
    readOnly: spec.readOnly,
    fsType: source.fsType ?? '',
    attributes: source.volumeAttributes ?? {},
    secretRef: source.nodePublishSecretRef,
    mountOptions: [...(spec.pv?.spec?.mountOptions ?? []), ...contextOption(step.seLinuxLabel)],
    seLinuxLabel: step.seLinuxLabel,
    accessModes: spec.pv?.spec?.accessModes ?? [],
    stagingPath: stagingPath(host.root, source.driver, source.volumeHandle),
    own: async (path) => {
      await answers(host, path); // a walk over a dead server would hold threads of this process
      await ownByGroup(step, path);
    },
  });
  const seLinuxRelabel = !spec.readOnly && step.seLinuxLabel === '' && (await takesLabels(host.mounter, target));
  return { path: target, seLinuxRelabel, ...(refreshAt === undefined ? {} : { refreshAt }) };
}

/** What the PersistentVolume says of its driver. Throws PayloadError when that is not enough. */
export function sourceOf({ pv }: { readonly pv?: PersistentVolume }): CSIPersistentVolumeSource {
  const source = pv?.spec?.csi;
  if (!source?.driver || !source.volumeHandle)
    throw new PayloadError(csiSays('the PersistentVolume names no CSI driver or no volume handle'));
  return source;
}

/** What the attacher said of the volume; empty where nothing attaches it. Rejects in kubelet's words while it is not attached. */
export async function attached(
  { volume }: WantedStep,
  ask: () => Promise<Readonly<Record<string, string>>>,
): Promise<Readonly<Record<string, string>>> {
  if (!volume.attachable) return {};
  try {
    return await ask();
  } catch (error) {
    const words = volume.mode === 'Block' ? 'MapVolume.WaitForAttach failed' : 'MountVolume.WaitForAttach failed';
    throw stepFailed(words, volume.name, new FinalError(errorMessage(error), error));
  }
}
