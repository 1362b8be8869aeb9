import type { ImageSpec } from '../../cri/generated/runtime.ts';
import type { ActionContext } from '../outcome.ts';
import { imageVolumeSpec } from '../spec/imageVolume.ts';
import { handlerOf } from './ensureImage.ts';
import type { Services } from './services.ts';

/** Image volumes by name, as the runtime knows the pulled images: of the Pod's handler only where images are (RuntimeClassInImageCriApi). */
export function imageVolumes(services: Services, { pod, facts }: ActionContext): Map<string, ImageSpec> {
  const found = new Map<string, ImageSpec>();
  for (const { name, image } of pod.spec?.volumes ?? []) {
    if (!image?.reference) continue;
    const { imageId = '' } = services.images.fact(facts.uid, image.reference);
    found.set(name, imageVolumeSpec(pod, image.reference, imageId, handlerOf(services, pod).runtimeHandler ?? ''));
  }
  return found;
}
