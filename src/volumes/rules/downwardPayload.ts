import { fieldPathValue } from '../../k8s/fieldPath.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { DownwardAPIVolumeFile, Quantity, StoredPod } from '../../types/k8s.ts';
import { aggregate, type FileProjection, type Payload, PayloadError } from './payload.ts';
import { cleanPath } from './payloadPath.ts';
import { resourceFieldValue } from './resourceField.ts';

type Resources = Readonly<Record<string, Quantity>>;

/** The files of a downwardAPI volume or projection. A volume knows metadata fields and container resources only, no Pod IPs. */
export function downwardPayload(
  pod: StoredPod,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
  nodeAllocatable: Resources,
): Payload {
  const files = new Map<string, FileProjection>();
  const errors: PayloadError[] = [];
  for (const item of items) {
    try {
      const bytes = Buffer.from(value(pod, item, nodeAllocatable), 'utf8');
      files.set(cleanPath(item.path), { bytes, mode: item.mode ?? defaultMode });
    } catch (error) {
      errors.push(new PayloadError(errorMessage(error)));
    }
  }
  if (errors.length > 0) throw aggregate(errors);
  return files;
}

function value(pod: StoredPod, item: DownwardAPIVolumeFile, nodeAllocatable: Resources): string {
  if (item.fieldRef) return fieldPathValue(pod, item.fieldRef.fieldPath);
  if (item.resourceFieldRef) return resourceFieldValue(pod, item.resourceFieldRef, nodeAllocatable);
  return '';
}
