import type { SecurityProfile } from '../../cri/generated/runtime.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { AppArmorProfile, Container, Pod } from '../../types/k8s.ts';
import { SpecError } from './specError.ts';

/** Annotation of before 1.30, followed by the container's name; static Pods still come with it. */
const ANNOTATION_PREFIX = 'container.apparmor.security.beta.kubernetes.io/';
const LOCALHOST_PREFIX = 'localhost/';

/** Both forms of a profile; older runtimes read only the string. */
export interface AppArmor {
  readonly apparmor?: SecurityProfile;
  readonly apparmorProfile?: string;
}

/**
 * The container's AppArmor profile: its own field, else the annotation, else the Pod's field; empty when none of them is set.
 * Throws for a Localhost profile without a name and for an unknown type.
 */
export function appArmor(pod: Pod, container: Container): AppArmor {
  const profile =
    container.securityContext?.appArmorProfile ??
    fromAnnotation(pod.metadata?.annotations?.[`${ANNOTATION_PREFIX}${container.name}`]) ??
    pod.spec?.securityContext?.appArmorProfile;
  if (!profile) return {};
  switch (profile.type) {
    case 'RuntimeDefault':
      return { apparmor: { profileType: 'RuntimeDefault' }, apparmorProfile: 'runtime/default' };
    case 'Unconfined':
      return { apparmor: { profileType: 'Unconfined' }, apparmorProfile: 'unconfined' };
    case 'Localhost': {
      const name = profile.localhostProfile;
      if (name === undefined) throw new SpecError('missing localhost apparmor profile name');
      return {
        apparmor: { profileType: 'Localhost', localhostRef: name },
        apparmorProfile: `${LOCALHOST_PREFIX}${name}`,
      };
    }
    default:
      throw new SpecError(`unknown apparmor profile type: ${goQuote(profile.type)}`);
  }
}

/** A value of no known form is as if it were not there. */
function fromAnnotation(value: string | undefined): AppArmorProfile | undefined {
  if (value === 'runtime/default') return { type: 'RuntimeDefault' };
  if (value === 'unconfined') return { type: 'Unconfined' };
  if (!value?.startsWith(LOCALHOST_PREFIX)) return undefined;
  return { type: 'Localhost', localhostProfile: value.slice(LOCALHOST_PREFIX.length) };
}
