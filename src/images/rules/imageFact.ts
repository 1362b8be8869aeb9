import type { ImageOut } from '../../cri/generated/runtime.ts';
import type { ImageFact } from '../types.ts';

/** The fact without one of the things that pass. */
export function without(fact: ImageFact, key: 'pulling' | 'failure' | 'provider'): ImageFact {
  const { [key]: _, ...rest } = fact;
  return rest;
}

/** A failed pull is remembered (its delay must grow) until the image is there; a failed question until one is answered. */
export function lastFailure({ failure }: ImageFact, found: ImageOut | null): Pick<ImageFact, 'failure'> {
  return failure && !found && failure.reason !== 'ImageInspectError' ? { failure } : {};
}

/** What the runtime's answer says of the image; null: it is not there. */
export function describeImage(image: ImageOut | null): Pick<ImageFact, 'present' | 'imageId' | 'size' | 'user'> {
  if (!image) return { present: false };
  const uid = image.uid === null ? undefined : Number(image.uid.value);
  const user = { ...(uid !== undefined && { uid }), ...(image.username && { username: image.username }) };
  return { present: true, imageId: image.id, size: Number(image.size), user };
}
