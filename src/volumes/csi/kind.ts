// PersistentVolumes of CSI drivers: attached, staged once for the node, published for each Pod, and back.

import type { StoredPod } from '../../types/k8s.ts';
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
import { FinalError } from '../persistent/volumeStepError.ts';
import { PayloadError } from '../rules/payload.ts';
import { contextOption } from '../rules/seLinuxLabel.ts';
import { watchAttachLimit } from './attachLimit.ts';
import { Attachments } from './attachment.ts';
import { stageBlock, unpublishBlock, unstageBlock } from './block.ts';
import { CsiError } from './csiError.ts';
import { expandVolume } from './expand.ts';
import { attached, give, sourceOf } from './give.ts';
import { blockPlaces, CSI_PLUGIN, stagingPath, uniqueName, volumeOf } from './names.ts';
import { PodNotes } from './notes.ts';
import { reconstruct } from './reconstruct.ts';
import { asCsi } from './rules/migration.ts';
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

/** Unlike an inline volume, one of a PersistentVolume needs no CSIDriver object; without one it is attached. */
function attachRequired(objects: ObjectLookup, driver: string): boolean {
  const found = objects.get('CSIDriver', '', driver);
  if (found.state === 'unknown') throw new PayloadError(`failed to sync csidriver cache: ${found.reason}`);
  return found.state === 'absent' || found.object.spec.attachRequired !== false;
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
