import type {
  Capability,
  LinuxContainerSecurityContext,
  LinuxSandboxSecurityContext,
  SELinuxOption,
  SupplementalGroupsPolicy,
} from '../../cri/generated/runtime.ts';
import type { Capabilities, Container, Pod, SELinuxOptions } from '../../types/k8s.ts';
import type { UserNamespaceIds } from '../../userns/rules/mappingsFile.ts';
import { appArmor } from './apparmor.ts';
import { effectiveSecurityContext, hasPrivilegedContainer } from './effectiveSecurityContext.ts';
import { namespaceOptions } from './namespaces.ts';
import type { RunAsUser } from './runAsNonRoot.ts';
import { type SeccompSettings, seccompProfile } from './seccomp.ts';
import { SpecError } from './specError.ts';

/** Kept from the container unless procMount is Unmasked (as in moby/moby's default spec). */
const MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const READONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** What a security context is made of besides the Pod. */
export interface SecurityInputs extends SeccompSettings {
  /** Needed with hostUsers: false. */
  readonly userNamespace: UserNamespaceIds | null;
  /** Groups that annotations of the Pod's persistent volumes ask for (pv.beta.kubernetes.io/gid). */
  readonly volumeGroups: readonly number[];
}

/** What a container's security context needs besides. */
export interface ContainerSecurityInputs extends SecurityInputs {
  readonly imageUser: RunAsUser;
  /** Those of `/sys/devices/system/cpu/cpuN/thermal_throttle` that exist on the node. */
  readonly thermalThrottlePaths: readonly string[];
  /** The container whose processes an ephemeral container is to see. */
  readonly targetContainerId: string | null;
}

/**
 * The sandbox's own security context. Without spec.securityContext (the API server always fills in an empty one) only
 * `privileged` and the seccomp profile are set: kubelet generatePodSandboxLinuxConfig. Throws SpecError.
 */
export function sandboxSecurityContext(pod: Pod, inputs: SecurityInputs): LinuxSandboxSecurityContext {
  const privileged = hasPrivilegedContainer(pod);
  const context = pod.spec?.securityContext;
  // The sandbox itself never needs more than the default profile (kubernetes#84623).
  if (!context) return { privileged, seccomp: { profileType: 'RuntimeDefault' } };
  const groups = [...optional(context.fsGroup), ...inputs.volumeGroups, ...(context.supplementalGroups ?? [])];
  return {
    privileged,
    seccomp: { profileType: 'RuntimeDefault' },
    runAsUser: int64(context.runAsUser),
    runAsGroup: int64(context.runAsGroup),
    namespaceOptions: namespaceOptions(pod, inputs.userNamespace),
    supplementalGroups: groups,
    supplementalGroupsPolicy: groupsPolicy(pod),
    selinuxOptions: seLinux(context.seLinuxOptions),
  };
}

/** A container's security context: kubelet determineEffectiveSecurityContext. Throws SpecError. */
export function containerSecurityContext(
  pod: Pod,
  container: Container,
  inputs: ContainerSecurityInputs,
): LinuxContainerSecurityContext {
  const own = effectiveSecurityContext(pod, container);
  const fromPod = pod.spec?.securityContext;
  const unmasked = own.procMount === 'Unmasked';
  // When several things are wrong, the Go kubelet reports the first of this order.
  const seccomp = seccompProfile(pod, container, inputs);
  const armor = appArmor(pod, container);
  const namespaces = namespaceOptions(pod, inputs.userNamespace);
  const target = inputs.targetContainerId;
  return {
    ...user(own.runAsUser, inputs.imageUser),
    ...armor,
    runAsGroup: int64(own.runAsGroup),
    seccomp,
    privileged: own.privileged ?? false,
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    capabilities: capabilities(own.capabilities),
    selinuxOptions: seLinux(own.seLinuxOptions),
    namespaceOptions:
      target !== null && namespaces.pid === 'CONTAINER'
        ? { ...namespaces, pid: 'TARGET', targetId: target }
        : namespaces,
    supplementalGroups: [...optional(fromPod?.fsGroup), ...(fromPod?.supplementalGroups ?? []), ...inputs.volumeGroups],
    supplementalGroupsPolicy: groupsPolicy(pod),
    maskedPaths: unmasked ? [] : [...MASKED_PATHS, ...inputs.thermalThrottlePaths],
    readonlyPaths: unmasked ? [] : [...READONLY_PATHS],
  };
}

function user(runAsUser: number | undefined, image: RunAsUser): LinuxContainerSecurityContext {
  if (runAsUser !== undefined) return { runAsUser: { value: runAsUser } };
  return 'uid' in image ? { runAsUser: { value: image.uid } } : { runAsUsername: image.username };
}

function groupsPolicy(pod: Pod): SupplementalGroupsPolicy {
  const policy = pod.spec?.securityContext?.supplementalGroupsPolicy ?? 'Merge';
  if (policy === 'Merge' || policy === 'Strict') return policy;
  throw new SpecError(`unsupported supplementalGroupsPolicy: ${policy}`);
}

function capabilities(wanted: Capabilities | undefined): Capability | null {
  return wanted ? { addCapabilities: [...(wanted.add ?? [])], dropCapabilities: [...(wanted.drop ?? [])] } : null;
}

function seLinux(options: SELinuxOptions | undefined): SELinuxOption | null {
  if (!options) return null;
  return {
    user: options.user ?? '',
    role: options.role ?? '',
    type: options.type ?? '',
    level: options.level ?? '',
  };
}

function int64(value: number | undefined): { value: number } | null {
  return value === undefined ? null : { value };
}

function optional(value: number | undefined): number[] {
  return value === undefined ? [] : [value];
}
