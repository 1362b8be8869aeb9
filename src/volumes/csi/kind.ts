// PersistentVolumes of CSI drivers: attached, staged once for the node, published for each Pod, and back.
import { PayloadError } from '../rules/payload.ts';
import type { CSIPersistentVolumeSource, PersistentVolume, StoredPod } from '../../types/k8s.ts';
import type { ObjectLookup } from '../contract.ts';
import { ownByGroup } from '../persistent/fsGroup.ts';
import type { KindHost, PersistentKind, VolumeSpec, WantedStep } from '../persistent/contract.ts';
import { mountOptions } from '../persistent/rules/mountOptions.ts';
import { FinalError } from '../persistent/volumeStepError.ts';
import { VolumeError } from '../volumeError.ts';
import { goQuote } from '../../k8s/goText.ts';
import { errorMessage } from '../../lib/errors.ts';
import { attachedAs } from './attachment.ts';
import { publishBlock, stageBlock, unpublishBlock, unstageBlock } from './block.ts';
import { CsiError, csiSays, unsent } from './csiError.ts';
import { expandVolume } from './expand.ts';
import { blockPlaces, CSI_PLUGIN, publishPath, stagingPath, uniqueName } from './names.ts';
import { publish } from './publish.ts';
import { reconstruct } from './reconstruct.ts';
import type { CsiServices } from './services.ts';
import { stage, unstage } from './stage.ts';
import { unpublishFileSystem } from './unpublish.ts';

/** Volumes of CSI drivers behind claims. */
export const csiKind: PersistentKind = {
  plugin: CSI_PLUGIN,
  supportsMountOptions: true,
  supportsBlock: true,

  identify: (spec, _pod, objects) => {
    const { driver, volumeHandle } = sourceOf(spec);
    return { uniqueName: uniqueName(driver, volumeHandle), attachable: attachRequired(objects, driver) };
  },

  references: (spec) => {
    const name = sourceOf(spec).driver;
    return [
      { kind: 'CSIDriver', namespace: '', name, optional: true },
      { kind: 'CSIPlugin', namespace: '', name, optional: true },
    ];
  },

  stage: (step) =>
    inTerms(async () => {
      const services = servicesOf(step.host);
      const publishContext = await attachment(step);
      const { spec, volume } = step;
      const source = sourceOf(spec);
      const common = { services, source, publishContext, accessModes: spec.pv?.spec?.accessModes };
      if (volume.mode === 'Block')
        await stageBlock({ ...common, name: volume.name, places: blockPlaces(step.host.root, volume.name, '') });
      else
        await stage({
          ...common,
          target: stagingPath(step.host.root, source.driver, source.volumeHandle),
          mountOptions: mountOptions(spec),
          fsGroup: step.pod.spec.securityContext?.fsGroup,
        });
    }),

  unstage: ({ host, volume }) =>
    inTerms(async () => {
      const { drivers } = servicesOf(host);
      if (volume.mode === 'Block') await unstageBlock(drivers, blockPlaces(host.root, volume.name, ''));
      else await unstage(drivers, host.root, volume.uniqueName);
    }),

  publish: (step) =>
    inTerms(async () => {
      const { host, spec, pod, volume, context, signal, again } = step;
      const services = servicesOf(host);
      const publishContext = await attachment(step);
      const source = sourceOf(spec);
      if (volume.mode === 'Block') {
        const places = blockPlaces(host.root, volume.name, pod.metadata.uid);
        await publishBlock({ services, source, publishContext, pod, context, signal, spec, places });
        return { path: places.publish };
      }
      const target = publishPath(host.root, pod.metadata.uid, volume.name);
      const stages = await stagesAt(services, source, host.root);
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
        mountOptions: mountOptions(spec),
        accessModes: spec.pv?.spec?.accessModes ?? [],
        stagingPath: stages,
        own: (path) => ownByGroup(step, path),
      });
      return { path: target, ...(refreshAt === undefined ? {} : { refreshAt }) };
    }),

  unpublish: ({ host, volume, podUid }) =>
    inTerms(async () => {
      const { drivers } = servicesOf(host);
      if (volume.mode === 'Block') await unpublishBlock(drivers, blockPlaces(host.root, volume.name, podUid));
      else await unpublishFileSystem(drivers, publishPath(host.root, podUid, volume.name), host.log);
    }),

  expand: (step) => inTerms(() => expandVolume(step, servicesOf(step.host), sourceOf(step.spec))),

  deviceMapDirectory: (host, name) => blockPlaces(host.root, name, '').globalMap,

  reconstruct: ({ root, log }) => reconstruct(root, log),
};

/** Unlike an inline volume, one of a PersistentVolume needs no CSIDriver object; without one it is attached. */
function attachRequired(objects: ObjectLookup, driver: string): boolean {
  const found = objects.get('CSIDriver', '', driver);
  if (found.state === 'unknown')
    throw new PayloadError(`failed to sync csidriver cache: ${found.reason}`, {
      ...{ kind: 'CSIDriver', namespace: '', name: driver, optional: true, volume: '' },
    });
  return found.state === 'absent' || found.object.spec.attachRequired !== false;
}

function sourceOf({ pv }: { readonly pv?: PersistentVolume }): CSIPersistentVolumeSource {
  const source = pv?.spec?.csi;
  if (!source?.driver || !source.volumeHandle)
    throw new PayloadError(csiSays('the PersistentVolume names no CSI driver or no volume handle'));
  return source;
}

function servicesOf({ csi }: KindHost): CsiServices {
  if (csi) return csi;
  throw unsent(csiSays('failed to get a kubernetes client'));
}

/** What the attacher said of the volume; empty where nothing attaches it. Rejects in kubelet's words while it is not attached. */
async function attachment(step: WantedStep): Promise<Readonly<Record<string, string>>> {
  const { host, volume, spec } = step;
  if (!volume.attachable) return {};
  try {
    return await attachedAs(servicesOf(host), sourceOf(spec));
  } catch (error) {
    const words = volume.mode === 'Block' ? 'MapVolume.WaitForAttach failed' : 'MountVolume.WaitForAttach failed';
    const message = `${words} for volume ${goQuote(volume.name)} : ${errorMessage(error)}`;
    throw new VolumeError(message, volume.name, true, undefined, new FinalError(message, error));
  }
}

/** Where the volume is staged, if its driver stages at all. */
async function stagesAt(services: CsiServices, source: CSIPersistentVolumeSource, root: string) {
  const driver = services.drivers.require(source.driver, csiSays('mounter.SetUpAt failed to get CSI client'));
  const stages = await driver.can('STAGE_UNSTAGE_VOLUME');
  return stages ? stagingPath(root, source.driver, source.volumeHandle) : undefined;
}

/** A driver's refusal, and a call that was not made, leave nothing behind: that is what the volume's worker wants to know. */
async function inTerms<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CsiError && error.outcome !== 'unsure') throw new FinalError(error.message, error);
    throw error;
  }
}

export type { StoredPod, VolumeSpec };
