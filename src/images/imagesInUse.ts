import type { Cri } from '../cri/client.ts';
import { POD_UID_LABEL } from '../cri/convert.ts';
import { isNotFound } from '../cri/error.ts';
import type { ContainerOut } from '../cri/generated/runtime.ts';
import type { PodTable } from '../pods/table.ts';
import { keysInContainers } from './rules/collectImages.ts';
import { namesInContainers } from './rules/imageUse.ts';

/** What the runtime's containers hold. */
export interface ImagesInUse {
  /** Of the containers' images. */
  readonly keys: ReadonlySet<string>;
  /** Names and ids of images that count whatever they were pulled for: image volumes, and without runtime handlers all. */
  readonly names: ReadonlySet<string>;
  /** UIDs of the Pods that have containers. */
  readonly pods: ReadonlySet<string>;
}

/**
 * Reads what these containers hold. Image volumes of Pods that are in the table are known from their definition; only containers of
 * others are asked for their mounts. Rejects with CriError.
 */
export async function containerImages(
  cri: Pick<Cri, 'containerStatus'>,
  containers: readonly ContainerOut[],
  table: Pick<PodTable, 'all'>,
  perHandler: boolean,
  signal: AbortSignal,
): Promise<ImagesInUse> {
  const names = perHandler ? new Set<string>() : namesInContainers(containers);
  const defined = new Set(table.all().flatMap(({ uid, pod }) => (pod ? [uid] : [])));
  for (const { id, labels } of containers) {
    if (defined.has(labels[POD_UID_LABEL] ?? '')) continue;
    for (const image of await mountedImages(cri, id, signal)) names.add(image);
  }
  const pods = new Set(containers.map(({ labels }) => labels[POD_UID_LABEL] ?? ''));
  return { keys: keysInContainers(containers, perHandler), names, pods };
}

async function mountedImages(cri: Pick<Cri, 'containerStatus'>, id: string, signal: AbortSignal): Promise<string[]> {
  try {
    const { status } = await cri.containerStatus(id, false, { signal });
    return (status?.mounts ?? []).flatMap(({ image }) => (image?.image ? [image.image] : []));
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}
