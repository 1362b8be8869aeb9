// Images.
import type { CriCallOptions, ImageCaller } from '../callers.ts';
import type {
  AuthConfig,
  ImageFilter,
  ImageFsInfoResponseOut,
  ImageOut,
  ImageSpec,
  ImageStatusResponseOut,
  PodSandboxConfig,
} from '../generated/runtime.ts';

/** Calls about images. All reject with CriError. */
export interface ImageCalls {
  listImages(filter?: ImageFilter, options?: CriCallOptions): Promise<ImageOut[]>;
  /** As listImages, without the limit of one message (KEP-5825; few runtimes have it). */
  streamImages(filter?: ImageFilter, options?: CriCallOptions): Promise<ImageOut[]>;
  /** `image` in the answer is null if the runtime does not hold it. */
  imageStatus(image: ImageSpec, verbose?: boolean, options?: CriCallOptions): Promise<ImageStatusResponseOut>;
  /** Returns the reference of the pulled image. Has no deadline: only the signal ends it. */
  pullImage(
    image: ImageSpec,
    auth: AuthConfig | undefined,
    sandboxConfig: PodSandboxConfig | undefined,
    options?: CriCallOptions,
  ): Promise<string>;
  removeImage(image: ImageSpec, options?: CriCallOptions): Promise<void>;
  imageFsInfo(options?: CriCallOptions): Promise<ImageFsInfoResponseOut>;
}

export function imageCalls(caller: ImageCaller): ImageCalls {
  return {
    async listImages(filter, options) {
      return (await caller.unary('ListImages', { filter: filter ?? null }, options)).images;
    },
    async streamImages(filter, options) {
      const parts = await caller.collect('StreamImages', { filter: filter ?? null }, options);
      return parts.flatMap((part) => part.images);
    },
    imageStatus: (image, verbose = false, options) => caller.unary('ImageStatus', { image, verbose }, options),
    async pullImage(image, auth, sandboxConfig, options) {
      const request = { image, auth: auth ?? null, sandboxConfig: sandboxConfig ?? null };
      return (await caller.unary('PullImage', request, options, 0)).imageRef;
    },
    async removeImage(image, options) {
      await caller.unary('RemoveImage', { image }, options);
    },
    imageFsInfo: (options) => caller.unary('ImageFsInfo', {}, options),
  };
}
