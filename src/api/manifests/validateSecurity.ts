import type { Container, PodSecurityContext, SeccompProfile } from '../../types/k8s.ts';
import type { FieldPath } from './fieldPath.ts';
import type { Findings } from './findings.ts';
import { validateLocalPath } from './localPath.ts';

const MAX_ID = 2 ** 31 - 1;
const SYSCTL = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/;
const SYSCTL_RULE =
  'must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';

/** Checks the security context of a container; `hostUsers`: its Pod has no user namespace of its own. */
export function validateContainerSecurity(
  { securityContext: context }: Container,
  hostUsers: boolean,
  path: FieldPath,
  findings: Findings,
): void {
  if (!context) return;
  findings.range(path.child('runAsUser'), context.runAsUser, 0, MAX_ID);
  findings.range(path.child('runAsGroup'), context.runAsGroup, 0, MAX_ID);
  validateProfile(context.seccompProfile, path.child('seccompProfile'), findings);
  validateProfile(context.appArmorProfile, path.child('appArmorProfile'), findings);
  if (context.procMount) findings.oneOf(path.child('procMount'), context.procMount, ['Default', 'Unmasked']);
  if (hostUsers && context.procMount === 'Unmasked') {
    findings.invalid(path.child('procMount'), context.procMount, '`hostUsers` must be false to use `Unmasked`');
  }
  if (context.allowPrivilegeEscalation !== false) return;
  if (context.privileged) {
    findings.invalid(path, '', 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
  }
  if (context.capabilities?.add?.some((name) => name === 'CAP_SYS_ADMIN')) {
    findings.invalid(path, '', 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
  }
}

/** Checks the security context of a Pod. */
export function validatePodSecurity(context: PodSecurityContext, path: FieldPath, findings: Findings): void {
  findings.range(path.child('runAsUser'), context.runAsUser, 0, MAX_ID);
  findings.range(path.child('runAsGroup'), context.runAsGroup, 0, MAX_ID);
  findings.range(path.child('fsGroup'), context.fsGroup, 0, MAX_ID);
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    findings.range(path.child('supplementalGroups').index(index), group, 0, MAX_ID);
  }
  if (context.fsGroupChangePolicy !== undefined) {
    findings.oneOf(path.child('fsGroupChangePolicy'), context.fsGroupChangePolicy, ['Always', 'OnRootMismatch']);
  }
  if (context.supplementalGroupsPolicy !== undefined) {
    findings.oneOf(path.child('supplementalGroupsPolicy'), context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  }
  if (context.seLinuxChangePolicy !== undefined) {
    findings.oneOf(path.child('seLinuxChangePolicy'), context.seLinuxChangePolicy, ['MountOption', 'Recursive']);
  }
  const names = new Set<string>();
  for (const [index, { name = '' }] of (context.sysctls ?? []).entries()) {
    const at = path.child('sysctls').index(index).child('name');
    if (name === '') findings.required(at);
    else if (name.length > 253 || !SYSCTL.test(name)) {
      findings.invalid(at, name, SYSCTL_RULE);
    } else if (names.has(name)) findings.duplicate(at, name);
    names.add(name);
  }
  validateProfile(context.seccompProfile, path.child('seccompProfile'), findings);
  validateProfile(context.appArmorProfile, path.child('appArmorProfile'), findings);
}

function validateProfile(profile: SeccompProfile | undefined, path: FieldPath, findings: Findings): void {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  if (!type) findings.required(path.child('type'), `type is required when ${path.parts.at(-1)} is set`);
  else findings.oneOf(path.child('type'), type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  if (type === 'Localhost' && !localhostProfile)
    findings.required(path.child('localhostProfile'), 'must be set when type is Localhost');
  if (type !== 'Localhost' && localhostProfile !== undefined) {
    findings.invalid(path.child('localhostProfile'), localhostProfile, 'can only be set when type is Localhost');
  } else if (localhostProfile) validateLocalPath(localhostProfile, path.child('localhostProfile'), findings);
}
