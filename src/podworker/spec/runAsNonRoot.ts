import type { Container, Pod } from '../../types/k8s.ts';
import { effectiveSecurityContext } from './effectiveSecurityContext.ts';
import { quotedPod } from './specError.ts';

/** Who an image's process runs as: a number, or else a name. */
export type RunAsUser = { readonly uid: number } | { readonly username: string };

const MAX_UID = 2 ** 31 - 1;

/** The user that the runtime reports for an image; root when it reports none or does not know the image. */
export function imageUser(image: { uid: { value: string } | null; username: string } | null): RunAsUser {
  if (image?.uid) return { uid: Number(image.uid.value) };
  if (image?.username) return { username: image.username };
  return { uid: 0 };
}

/**
 * Why the container may not be created under runAsNonRoot; null when it may. Only numbers can be judged: a name's number is
 * known inside the image alone.
 */
export function verifyRunAsNonRoot(pod: Pod, container: Container, user: RunAsUser): string | null {
  const { runAsNonRoot, runAsUser } = effectiveSecurityContext(pod, container);
  const where = `(pod: ${quotedPod(pod)}, container: ${container.name})`;
  if (!runAsNonRoot) return null;
  if (runAsUser !== undefined) {
    return runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : null;
  }
  if ('username' in user) {
    return (
      `container has runAsNonRoot and image has non-numeric user (${user.username}), ` +
      `cannot verify user is non-root ${where}`
    );
  }
  if (user.uid === 0) return `container has runAsNonRoot and image will run as root ${where}`;
  if (user.uid > 0 && user.uid <= MAX_UID) return null;
  return (
    `container has runAsNonRoot and image has an invalid user id (${user.uid}). (Must be 1-(${MAX_UID})): ` +
    `must be between 0 and ${MAX_UID}, inclusive ${where}`
  );
}
