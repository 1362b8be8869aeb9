import type { PodSandboxConfig } from '../cri/generated/runtime.ts';
import type { ImageEvent, PullingPod, RegistryLogin } from './types.ts';

/** A Pod wants an image. */
export interface ImageRequest {
  readonly podUid: string;
  /** As the Pod names it. */
  readonly image: string;
  /** The Pod's annotations: some runtimes read them. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly runtimeHandler?: string;
  readonly sandboxConfig?: PodSandboxConfig;
  /** The Pod's own credentials in the order in which they are tried (`lookupAuth`); those of the node come after them. */
  readonly auths?: readonly RegistryLogin[];
  /** On whose behalf credential providers are asked. */
  readonly pod?: PullingPod;
  readonly onEvent?: (event: ImageEvent) => void;
  readonly signal?: AbortSignal;
}

/** What a call to the runtime on behalf of the request is made with: it ends with the request's signal. */
export function optionsOf({ signal }: ImageRequest): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
