import { goQuote } from '../../k8s/goText.ts';
import { normalizeSysctl } from '../../k8s/sysctlName.ts';
import type { PodSpec } from '../../types/k8s.ts';
import type { Rejection } from '../types.ts';

type Namespace = 'IPC' | 'Net';

/** Which sysctls Pods may set: exact names and prefixes, each with the kernel namespace that holds it. */
export interface SysctlAllowlist {
  readonly names: Readonly<Record<string, Namespace>>;
  readonly prefixes: Readonly<Record<string, Namespace>>;
}

/** The safe sysctls of kubelet 1.36 with the first kernel that keeps each one per network namespace. */
const SAFE: Readonly<Record<string, readonly [number, number]>> = {
  'kernel.shm_rmid_forced': [0, 0],
  'net.ipv4.ip_local_port_range': [0, 0],
  'net.ipv4.tcp_syncookies': [0, 0],
  'net.ipv4.ping_group_range': [0, 0],
  'net.ipv4.ip_unprivileged_port_start': [0, 0],
  'net.ipv4.ip_local_reserved_ports': [3, 16],
  'net.ipv4.tcp_keepalive_time': [4, 5],
  'net.ipv4.tcp_fin_timeout': [4, 6],
  'net.ipv4.tcp_keepalive_intvl': [4, 5],
  'net.ipv4.tcp_keepalive_probes': [4, 5],
  'net.ipv4.tcp_rmem': [4, 15],
  'net.ipv4.tcp_wmem': [4, 15],
};

/** Names in the IPC namespace that an administrator may allow besides the groups of `net` and `fs.mqueue`. */
const IPC_NAMES = [
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
  'kernel.shm',
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.msg',
];

const PATTERN = /^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$/;

/**
 * The safe sysctls that this kernel has, plus `allowedUnsafeSysctls`. `kernelRelease` is uname's release ("6.1.0-13-amd64").
 * Throws if a pattern is malformed or names a sysctl that no namespace holds.
 */
export function sysctlAllowlist(kernelRelease: string, allowedUnsafeSysctls: readonly string[] = []): SysctlAllowlist {
  const safe = Object.entries(SAFE).flatMap(([name, needs]) => (isAtLeast(kernelRelease, needs) ? [name] : []));
  const list = { names: {} as Record<string, Namespace>, prefixes: {} as Record<string, Namespace> };
  for (const pattern of [...safe, ...allowedUnsafeSysctls]) addPattern(list, pattern);
  return list;
}

function addPattern(list: Record<'names' | 'prefixes', Record<string, Namespace>>, pattern: string): void {
  if (pattern.length > 253 || !PATTERN.test(pattern)) {
    throw new Error(
      `sysctl "${pattern}" in allowedUnsafeSysctls must have at most 253 characters and match ${PATTERN.source}`,
    );
  }
  const name = normalizeSysctl(pattern);
  const star = name.indexOf('*');
  const known = star < 0 ? name : name.slice(0, star);
  const namespace = namespaceOf(known);
  if (namespace === undefined) throw new Error(`the sysctls "${known}" are not known to be namespaced`);
  list[star < 0 ? 'names' : 'prefixes'][known] = namespace;
}

function namespaceOf(name: string): Namespace | undefined {
  if (IPC_NAMES.includes(name) || name.startsWith('fs.mqueue.')) return 'IPC';
  return name.startsWith('net.') ? 'Net' : undefined;
}

function isAtLeast(release: string, [major, minor]: readonly [number, number]): boolean {
  const found = /^(\d+)\.(\d+)/.exec(release);
  if (!found) return major === 0;
  return Number(found[1]) > major || (Number(found[1]) === major && Number(found[2]) >= minor);
}

/** Rejects a Pod that asks for a sysctl that is not allowed, or for one of a namespace that it shares with the host. */
export function checkSysctls(spec: PodSpec, allowed: SysctlAllowlist): Rejection | undefined {
  for (const { name } of spec.securityContext?.sysctls ?? []) {
    const problem = sysctlProblem(normalizeSysctl(name), spec, allowed);
    if (problem) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${problem}` };
  }
  return undefined;
}

function sysctlProblem(name: string, spec: PodSpec, allowed: SysctlAllowlist): string | undefined {
  const prefix = Object.keys(allowed.prefixes).find((one) => name.startsWith(one));
  const namespace = Object.hasOwn(allowed.names, name)
    ? allowed.names[name]
    : prefix === undefined
      ? undefined
      : allowed.prefixes[prefix];
  if (namespace === undefined) return `${goQuote(name)} not allowlisted`;
  const shared = namespace === 'IPC' ? spec.hostIPC : spec.hostNetwork;
  return shared ? `${goQuote(name)} not allowed with host ${namespace} enabled` : undefined;
}
