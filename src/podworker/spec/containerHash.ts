import { goJson } from '../../lib/goText.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The hash that tells whether a running container still is the one its Pod asks for, as in the annotation
 * `io.kubernetes.container.hash`: lower-case hex without leading zeros. Only the name and the image count, because nothing else
 * of a running Pod's container may change without a resize.
 *
 * FNV-1a-32 over a Go debug print of the JSON's bytes (kubelet: HashContainer); a node that changes from the Go kubelet to this
 * one must not see all its containers as changed.
 */
export function containerHash(container: { readonly name: string; readonly image?: string }): string {
  const json = goJson({ image: container.image ?? '', name: container.name });
  return fnv1a32(`([]uint8)[${Buffer.from(json).join(' ')}]`).toString(16);
}

function fnv1a32(ascii: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < ascii.length; i++) hash = Math.imul(hash ^ ascii.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}
