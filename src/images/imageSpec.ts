import type { ImageSpec } from '../cri/generated/runtime.ts';
import { parseImageName } from './rules/imageName.ts';

/** What says which image is meant, and for whom. */
export interface ImageWish {
  /** As the Pod names it. */
  readonly image: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** For runtimes that keep the images of their handlers apart (RuntimeClassInImageCriApi). */
  readonly runtimeHandler?: string;
}

/** The image as the runtime is asked for it: with `:latest` if its name has neither tag nor digest. */
export function imageSpec({ image, annotations, runtimeHandler }: ImageWish): ImageSpec {
  const name = parseImageName(image);
  return {
    image: 'error' in name ? image : name.withTag,
    userSpecifiedImage: image,
    ...(annotations && { annotations: { ...annotations } }),
    ...(runtimeHandler && { runtimeHandler }),
  };
}
