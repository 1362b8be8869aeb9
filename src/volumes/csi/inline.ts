// Inline CSI volumes: made by their driver when they are published for a Pod, and gone with it (KEP-596).
import { dirname } from 'node:path';
import { KubeletError } from '../../lib/errors.ts';
import type { MountedVolume } from '../contract.ts';
import { ownByGroup } from '../persistent/fsGroup.ts';
import type { VolumeTask, VolumeType } from '../volumeType.ts';
import { csiSays } from './csiError.ts';
import { CSI_PLUGIN, inlineHandle, publishPath } from './names.ts';
import { publish } from './publish.ts';
import { takesLabels } from './selinux.ts';
import { csiDriverObject } from './services.ts';
import { loadVolumeData } from './volData.ts';

/** A volume that a CSI driver makes for this Pod alone. */
export const csiVolume: VolumeType = {
  plugin: CSI_PLUGIN,
  // The driver's object says how it wants its volumes, and may be missing; that it says so in time is told by `mount`.
  references: (_pod, { name: volume, csi }) => [
    { kind: 'CSIDriver', namespace: '', name: csi!.driver, optional: true, volume },
    { kind: 'CSIPlugin', namespace: '', name: csi!.driver, optional: true, volume },
  ],
  mount: async (task) => {
    const target = targetOf(task);
    const known = await loadVolumeData(dirname(target)).catch(() => undefined);
    const { refreshAt } = await publishInline(task, target, known !== undefined);
    const mounted: MountedVolume = {
      name: task.volume.name,
      hostPath: target,
      digest: '',
      tmpfs: false,
      ...(task.volume.csi!.readOnly
        ? { readOnly: true }
        : { seLinuxRelabel: await takesLabels(task.host.mounter, target) }),
    };
    return refreshAt === undefined ? mounted : { ...mounted, refreshAt };
  },
  /** Publishes it again where the driver wants that, with new tokens for instance. */
  update: async (task) => {
    if (!csiDriverObject(task.context, task.volume.csi!.driver)?.spec.requiresRepublish)
      return { changed: false, digest: '' };
    const { refreshAt } = await publishInline(task, targetOf(task), true);
    return { changed: false, digest: '', ...(refreshAt === undefined ? {} : { refreshAt }) };
  },
};

function publishInline(
  task: VolumeTask,
  target: string,
  again: boolean,
): Promise<{ readonly refreshAt: number | undefined }> {
  const { host, pod, volume, context, signal } = task;
  const source = volume.csi!;
  if (!host.csi) throw new KubeletError(csiSays('failed to get a kubernetes client'), { code: 'CsiStandalone' });
  return publish({
    ...{ pod, context, signal, target, again },
    services: host.csi,
    mode: 'Ephemeral',
    driver: source.driver,
    handle: inlineHandle(pod.metadata.uid, volume.name),
    specName: volume.name,
    readOnly: source.readOnly ?? false,
    fsType: source.fsType ?? '',
    attributes: source.volumeAttributes ?? {},
    secretRef: source.nodePublishSecretRef && {
      name: source.nodePublishSecretRef.name ?? '',
      namespace: pod.metadata.namespace,
    },
    mountOptions: [],
    accessModes: undefined,
    publishContext: {},
    own: async (path) => {
      if (pod.spec.securityContext?.fsGroup === undefined) return;
      await host.persistent?.askServer(path); // a walk over a dead server would hold threads of this process
      await ownByGroup({ pod, again, signal, ...task.tell }, path);
    },
  });
}

function targetOf({ host, pod, volume }: VolumeTask): string {
  return publishPath(host.root, pod.metadata.uid, volume.name);
}
