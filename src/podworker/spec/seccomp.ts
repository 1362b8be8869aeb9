import type { SecurityProfile } from '../../cri/generated/runtime.ts';
import { cleanAbsolute } from '../../k8s/goPath.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { Container, Pod } from '../../types/k8s.ts';
import { SpecError } from './specError.ts';

/** The node's settings for seccomp. */
export interface SeccompSettings {
  /** KubeletConfiguration seccompDefault: RuntimeDefault instead of Unconfined where nothing is set. */
  readonly seccompDefault: boolean;
  /** Directory of Localhost profiles: `<root>/seccomp`. */
  readonly seccompRoot: string;
}

/**
 * The container's seccomp profile: its own field, else the Pod's, else the node's default. A privileged container gets it too;
 * the runtime is the one that ignores it there. Throws for a Localhost profile without a file and for an unknown type.
 */
export function seccompProfile(pod: Pod, container: Container, settings: SeccompSettings): SecurityProfile {
  const profile = container.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  if (!profile) return { profileType: settings.seccompDefault ? 'RuntimeDefault' : 'Unconfined' };
  if (profile.type === 'RuntimeDefault') return { profileType: 'RuntimeDefault' };
  if (profile.type === 'Unconfined') return { profileType: 'Unconfined' };
  // The Go kubelet runs a type that it does not know unconfined.
  if (profile.type !== 'Localhost') throw new SpecError(`unknown seccomp profile type: ${goQuote(profile.type)}`);
  if (!profile.localhostProfile) {
    throw new SpecError('localhostProfile must be set if seccompProfile type is Localhost.');
  }
  return {
    profileType: 'Localhost',
    localhostRef: cleanAbsolute(`${settings.seccompRoot}/${profile.localhostProfile}`),
  };
}
