// Whether the attacher of a driver has attached a volume to this node.
import { isNotFound } from '../../api/apiError.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { CSIPersistentVolumeSource, VolumeAttachment } from '../../types/k8s.ts';
import { unsent } from './csiError.ts';
import { attachmentName } from './names.ts';
import type { CsiServices } from './services.ts';

/**
 * The metadata of the volume's attachment, for the driver. The Node's volumesAttached has named the volume before, so one look is
 * enough: it tells the rest. Rejects in kubelet's words while it is not attached.
 */
export async function attachedAs(
  { nodeName, attachment }: Pick<CsiServices, 'nodeName' | 'attachment'>,
  { driver, volumeHandle }: Pick<CSIPersistentVolumeSource, 'driver' | 'volumeHandle'>,
): Promise<Readonly<Record<string, string>>> {
  const name = attachmentName(volumeHandle, driver, nodeName);
  let found: VolumeAttachment;
  try {
    found = await attachment(name);
  } catch (error) {
    const why = isNotFound(error) ? `volumeattachments.storage.k8s.io "${name}" not found` : errorMessage(error);
    throw unsent(`volume ${volumeHandle} has GET error for volume attachment ${name}: ${why}`, error);
  }
  if (found.metadata?.deletionTimestamp) throw unsent('volume attachment is being deleted');
  if (found.status?.attached) return found.status.attachmentMetadata ?? {};
  if (found.status?.attachError) throw unsent(found.status.attachError.message ?? '');
  throw unsent(`volume ${volumeHandle} is not attached for volume attachment ${name}`);
}
