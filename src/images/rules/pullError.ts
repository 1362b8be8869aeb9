/** A failed pull as a waiting reason and message. */
export interface PullFailure {
  readonly reason: 'ErrImagePull' | 'RegistryUnavailable' | 'SignatureValidationFailed';
  readonly message: string;
}

const CLASSES = {
  RegistryUnavailable: 'the registry is unavailable',
  SignatureValidationFailed: 'the signature validation failed',
} as const;

/**
 * Sorts what the runtime said into kubelet's reasons. Runtimes name the class at the start of the error's text; kubelet looks
 * at the text with gRPC's own prefix in place, so that both forms count here.
 */
export function classifyPullError(image: string, text: string): PullFailure {
  const bare = text.replace(/^rpc error: code = \w+ desc = /, '');
  for (const reason of Object.keys(CLASSES) as (keyof typeof CLASSES)[]) {
    if (!bare.startsWith(reason)) continue;
    return { reason, message: `image pull failed for ${image} because ${CLASSES[reason]}${bare.slice(reason.length)}` };
  }
  return { reason: 'ErrImagePull', message: text };
}
