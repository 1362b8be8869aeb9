// PersistentVolumes of CSI drivers: attached, staged once for the node, published for each Pod, and back.

import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource, PersistentVolume, StoredPod } from '../../types/k8s.ts';
import type { ObjectLookup, Reference } from '../contract.ts';
import type {
  AttachWait,
  FoundVolume,
  KindHost,
  PersistentKind,
  Published,
  VolumeIdentity,
  VolumeSpec,
  VolumeStep,
  WantedStep,
} from '../persistent/contract.ts';
import { ownByGroup } from '../persistent/fsGroup.ts';
import { answers } from '../persistent/mountPrograms.ts';
import { FinalError, stepFailed } from '../persistent/volumeStepError.ts';
import { PayloadError } from '../rules/payload.ts';
import { contextOption } from '../rules/seLinuxLabel.ts';
import { watchAttachLimit } from './attachLimit.ts';
import { Attachments } from './attachment.ts';
import { publishBlock, stageBlock, unpublishBlock, unstageBlock } from './block.ts';
import { CsiError, csiSays } from './csiError.ts';
import { expandVolume } from './expand.ts';
import { blockPlaces, CSI_PLUGIN, publishPath, stagingPath, uniqueName, volumeOf } from './names.ts';
import { PodNotes } from './notes.ts';
import { publish } from './publish.ts';
import { reconstruct } from './reconstruct.ts';
import { asCsi } from './rules/migration.ts';
import { takesLabels } from './selinux.ts';
import type { CsiServices } from './services.ts';
import { stage, unstage } from './stage.ts';
import { unpublishFileSystem } from './unpublish.ts';

/** Volumes of CSI drivers behind claims. */
export class CsiKind implements PersistentKind {
  readonly plugin = CSI_PLUGIN;
  readonly supportsMountOptions = true;
  readonly supportsBlock = true;
  /** Perhaps: only the driver knows what is behind it. */
  readonly isNetwork = true;
  readonly #services: CsiServices;
  readonly #notes = new PodNotes();
  readonly #attachments: Attachments;

  constructor(services: CsiServices) {
    this.#services = services;
    this.#attachments = new Attachments(services);
  }

  metricName(volume: VolumeIdentity): string {
    return `${CSI_PLUGIN}:${volumeOf(volume.uniqueName).driver}`;
  }

  identify(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup) {
    const { driver, volumeHandle } = sourceOf(asCsi(spec, pod.metadata.namespace));
    // A name that cannot be a path is refused before anything is called in use.
    if (spec.mode === 'Block') blockPlaces('', spec.name, '');
    else stagingPath('', driver, volumeHandle);
    return { uniqueName: uniqueName(driver, volumeHandle), attachable: attachRequired(objects, driver) };
  }

  references(spec: VolumeSpec, pod: StoredPod): Omit<Reference, 'volume'>[] {
    const name = sourceOf(asCsi(spec, pod.metadata.namespace)).driver;
    return [
      { kind: 'CSIDriver', namespace: '', name, optional: true },
      { kind: 'CSIPlugin', namespace: '', name, optional: true },
    ];
  }

  seLinuxMount(spec: VolumeSpec, pod: StoredPod, objects: ObjectLookup): boolean {
    const found = objects.get('CSIDriver', '', sourceOf(asCsi(spec, pod.metadata.namespace)).driver);
    return found.state === 'present' && found.object.spec.seLinuxMount === true;
  }

  watchAttach({ spec, volume, objects, log, signal }: AttachWait): Promise<never> {
    return watchAttachLimit(this.#services, sourceOf(asCsi(spec, '')), volume, objects, log, signal);
  }

  stage(asked: WantedStep): Promise<void> {
    return inTerms(() => this.#stage(translated(asked)));
  }

  async #stage(step: WantedStep): Promise<void> {
    const { spec, volume, host, again, signal } = step;
    const publishContext = await attached(step, () => this.#attachments.look(sourceOf(spec)));
    const source = sourceOf(spec);
    const accessModes = spec.pv?.spec?.accessModes;
    const common = { services: this.#services, source, publishContext, accessModes, again, signal };
    if (volume.mode === 'Block')
      return stageBlock({ ...common, name: volume.name, places: blockPlaces(host.root, volume.name, '') });
    return stage({
      ...common,
      target: stagingPath(host.root, source.driver, source.volumeHandle),
      mountOptions: [...(spec.pv?.spec?.mountOptions ?? []), ...contextOption(step.seLinuxLabel)],
      seLinuxLabel: step.seLinuxLabel,
      fsGroup: step.pod.spec.securityContext?.fsGroup,
    });
  }

  unstage({ host, volume }: VolumeStep): Promise<void> {
    const { drivers } = this.#services;
    return inTerms(() =>
      volume.mode === 'Block'
        ? unstageBlock(drivers, blockPlaces(host.root, volume.name, ''))
        : unstage(drivers, host.root, volume.uniqueName),
    );
  }

  publish(step: WantedStep): Promise<Published> {
    return inTerms(() => give(this.#services, this.#attachments, translated(step)));
  }

  unpublish({ host, volume, podUid }: VolumeStep & { readonly podUid: string }): Promise<void> {
    const { drivers } = this.#services;
    return inTerms(() =>
      volume.mode === 'Block'
        ? unpublishBlock(drivers, blockPlaces(host.root, volume.name, podUid))
        : this.#notes
            .of(host.root, podUid, host.log)
            .then((found) => unpublishFileSystem(drivers, found, volume.uniqueName)),
    );
  }

  expand(asked: WantedStep): Promise<void> {
    return inTerms(() => {
      const step = translated(asked);
      return expandVolume(step, this.#services, sourceOf(step.spec));
    });
  }

  deviceMapDirectory(host: KindHost, { name }: Pick<VolumeIdentity, 'uniqueName' | 'name'>): string {
    return blockPlaces(host.root, name, '').globalMap;
  }

  reconstruct({ root, log }: KindHost): Promise<FoundVolume[]> {
    return reconstruct(root, log);
  }
}

/** Of a source that a driver took over, what it is to that driver. */
function translated(step: WantedStep): WantedStep {
  return { ...step, spec: asCsi(step.spec, step.pod.metadata.namespace) };
}

async function give(services: CsiServices, attachments: Attachments, step: WantedStep): Promise<Published> {
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

/** Unlike an inline volume, one of a PersistentVolume needs no CSIDriver object; without one it is attached. */
function attachRequired(objects: ObjectLookup, driver: string): boolean {
  const found = objects.get('CSIDriver', '', driver);
  if (found.state === 'unknown') throw new PayloadError(`failed to sync csidriver cache: ${found.reason}`);
  return found.state === 'absent' || found.object.spec.attachRequired !== false;
}

function sourceOf({ pv }: { readonly pv?: PersistentVolume }): CSIPersistentVolumeSource {
  const source = pv?.spec?.csi;
  if (!source?.driver || !source.volumeHandle)
    throw new PayloadError(csiSays('the PersistentVolume names no CSI driver or no volume handle'));
  return source;
}

/** What the attacher said of the volume; empty where nothing attaches it. Rejects in kubelet's words while it is not attached. */
async function attached(
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

/** A driver's refusal, and a call that was not made, leave nothing behind: that is what the volume's worker wants to know. */
async function inTerms<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CsiError && error.outcome !== 'unsure') throw new FinalError(error.message, error);
    throw error;
  }
}
