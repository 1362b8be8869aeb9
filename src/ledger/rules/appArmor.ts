import type { AppArmorProfile, Container, Pod } from '../../types/k8s.ts';
import type { Rejection } from '../types.ts';

const ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

/**
 * Rejects a Pod that asks for an AppArmor profile which this host cannot enforce, or for a local profile without a name. A Pod
 * past Pending was admitted before and is not asked again. `hostError` says why the host cannot; undefined if it can.
 */
export function checkAppArmor(pod: Pod, hostError: string | undefined): Rejection | undefined {
  if ((pod.status?.phase ?? 'Pending') !== 'Pending' || !needsAppArmor(pod)) return undefined;
  const problem = hostError ?? emptyLocalProfile(pod);
  return problem === undefined ? undefined : { reason: 'AppArmor', message: `Cannot enforce AppArmor: ${problem}` };
}

function containersOf(pod: Pod): readonly Pick<Container, 'name' | 'securityContext'>[] {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...initContainers, ...containers, ...ephemeralContainers];
}

function needsAppArmor(pod: Pod): boolean {
  const profiles = [
    pod.spec?.securityContext?.appArmorProfile,
    ...containersOf(pod).map((container) => container.securityContext?.appArmorProfile),
  ];
  if (profiles.some((profile) => profile !== undefined && profile.type !== 'Unconfined')) return true;
  return annotations(pod).some(([, value]) => value !== 'unconfined');
}

function annotations(pod: Pod): [string, string][] {
  return Object.entries(pod.metadata?.annotations ?? {}).filter(([key]) => key.startsWith(ANNOTATION));
}

function emptyLocalProfile(pod: Pod): string | undefined {
  for (const container of containersOf(pod)) {
    const profile = profileOf(pod, container);
    if (profile?.type !== 'Localhost' || profile.localhostProfile?.trim()) continue;
    return `container "${container.name}" has an empty AppArmor profile name`;
  }
  return undefined;
}

/** Static Pods may carry only the old annotation, which ranks between the container's field and the Pod's. */
function profileOf(pod: Pod, container: Pick<Container, 'name' | 'securityContext'>): AppArmorProfile | undefined {
  const own = container.securityContext?.appArmorProfile;
  if (own) return own;
  const annotation = pod.metadata?.annotations?.[ANNOTATION + container.name];
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation?.startsWith('localhost/')) {
    return { type: 'Localhost', localhostProfile: annotation.slice('localhost/'.length) };
  }
  return pod.spec?.securityContext?.appArmorProfile;
}
