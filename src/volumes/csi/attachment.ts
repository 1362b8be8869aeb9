// Whether the attacher of a driver has attached a volume to this node.
import { isNotFound } from '../../api/apiError.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource, VolumeAttachment } from '../../types/k8s.ts';
import { unsent } from './csiError.ts';
import { attachmentName } from './names.ts';
import type { CsiServices } from './services.ts';

/** What an attacher says of a volume, for its driver. */
export type AttachmentMetadata = Readonly<Record<string, string>>;

type Source = Pick<CSIPersistentVolumeSource, 'driver' | 'volumeHandle'>;

/** How long what staging was told is told to publishing too, in ms: one follows the other. */
const JUST_NOW_MS = 1000;

/**
 * The attachments of volumes to this node, read from the API server. The Node's volumesAttached has named a volume before, so one look is
 * enough: it tells the rest. Both reject in kubelet's words while it is not attached.
 */
export class Attachments {
  readonly #services: Pick<CsiServices, 'nodeName' | 'attachment' | 'clock'>;
  /** Of volumes that were just staged. */
  readonly #seen = new Map<string, { readonly at: number; readonly metadata: AttachmentMetadata }>();

  constructor(services: Pick<CsiServices, 'nodeName' | 'attachment' | 'clock'>) {
    this.#services = services;
  }

  /** As it is now; remembered for the publishing that follows. */
  async look(source: Source): Promise<AttachmentMetadata> {
    const metadata = await this.#read(source);
    const at = this.#now();
    for (const [name, seen] of this.#seen) if (at - seen.at > JUST_NOW_MS) this.#seen.delete(name);
    this.#seen.set(this.#nameOf(source), { at, metadata });
    return metadata;
  }

  /** As the last look a moment ago saw it, and otherwise as it is now. */
  async justNow(source: Source): Promise<AttachmentMetadata> {
    const seen = this.#seen.get(this.#nameOf(source));
    return seen && this.#now() - seen.at <= JUST_NOW_MS ? seen.metadata : this.#read(source);
  }

  #now(): number {
    return this.#services.clock.now().mono;
  }

  #nameOf({ driver, volumeHandle }: Source): string {
    return attachmentName(volumeHandle, driver, this.#services.nodeName);
  }

  async #read(source: Source): Promise<AttachmentMetadata> {
    const name = this.#nameOf(source);
    const { volumeHandle } = source;
    let found: VolumeAttachment;
    try {
      found = await this.#services.attachment(name);
    } catch (error) {
      const why = isNotFound(error) ? `volumeattachments.storage.k8s.io "${name}" not found` : errorMessage(error);
      throw unsent(`volume ${volumeHandle} has GET error for volume attachment ${name}: ${why}`, error);
    }
    if (found.metadata?.deletionTimestamp) throw unsent('volume attachment is being deleted');
    if (found.status?.attached) return found.status.attachmentMetadata ?? {};
    if (found.status?.attachError) throw unsent(found.status.attachError.message ?? '');
    throw unsent(`volume ${volumeHandle} is not attached for volume attachment ${name}`);
  }
}
