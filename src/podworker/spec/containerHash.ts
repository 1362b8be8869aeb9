import { fnv32a } from '../../k8s/goDump.ts';
import { goJson } from '../../k8s/goText.ts';

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
  return fnv32a(`([]uint8)[${Buffer.from(json).join(' ')}]`).toString(16);
}
