import type { ImageSpec } from '../../cri/generated/runtime.ts';
import type { Pod } from '../../types/k8s.ts';

/** A pulled image as the source of a mount (KEP-4639). `reference` is what the Pod names, `imageRef` what the runtime calls it. */
export function imageVolumeSpec(pod: Pod, reference: string, imageRef: string, runtimeHandler: string): ImageSpec {
  const annotations = { ...pod.metadata?.annotations };
  return { image: imageRef, userSpecifiedImage: reference, runtimeHandler, annotations };
}
