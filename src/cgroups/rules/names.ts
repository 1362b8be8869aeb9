import type { PodQOSClass } from '../../k8s/qos.ts';
import { KubeletError } from '../../lib/errors.ts';

/** A cgroup as the path elements below the root, the same for both drivers: `['kubepods', 'burstable', 'pod<uid>']`. */
export type CgroupName = readonly string[];

/** How cgroups are created and how the runtime is told about them (KubeletConfiguration cgroupDriver). */
export type CgroupDriver = 'cgroupfs' | 'systemd';

const POD_PREFIX = 'pod';
const SLICE = '.slice';

/** The configured cgroupRoot in elements; empty and `/` are the root itself. */
function parseCgroupRoot(root: string): CgroupName {
  return root.split('/').filter((part) => part !== '');
}

/** A cgroup of the configuration by the driver's own name: a path with cgroupfs; with systemd a slice, of whose path the last counts. */
export function parseCgroup(text: string, driver: CgroupDriver): CgroupName {
  if (driver === 'cgroupfs') return parseCgroupRoot(text);
  const last = parseCgroupRoot(text).at(-1) ?? '';
  const slice = last.endsWith(SLICE) ? last.slice(0, -SLICE.length) : last;
  return slice === '' ? [] : slice.split('-').map((part) => part.replaceAll('_', '-'));
}

/** A child of a cgroup. `_` stands for `-` in systemd's names and must be reversible, `/` would be two elements. */
export function childName(parent: CgroupName, child: string): CgroupName {
  if (/^[A-Za-z0-9][A-Za-z0-9.:-]*$/.test(child)) return [...parent, child];
  throw new KubeletError(`${JSON.stringify(child)} cannot be a cgroup name`, { code: 'CgroupName' });
}

/** The parent of all Pods. */
export function nodeCgroup(cgroupRoot: string): CgroupName {
  return childName(parseCgroupRoot(cgroupRoot), 'kubepods');
}

/** Where Pods of a class live: Guaranteed ones directly under the node's cgroup. */
export function qosCgroup(node: CgroupName, qos: PodQOSClass): CgroupName {
  return qos === 'Guaranteed' ? node : childName(node, qos.toLowerCase());
}

/** A Pod's cgroup. */
export function podCgroup(node: CgroupName, qos: PodQOSClass, uid: string): CgroupName {
  return childName(qosCgroup(node, qos), POD_PREFIX + uid);
}

/** The path below each hierarchy's mount point, which for systemd repeats the parents in each element. */
export function cgroupPath(name: CgroupName, driver: CgroupDriver): string {
  if (driver === 'cgroupfs') return `/${name.join('/')}`;
  let prefix = '';
  let path = '';
  for (const part of name) {
    prefix += `${prefix === '' ? '' : '-'}${part.replaceAll('-', '_')}`;
    path += `/${prefix}${SLICE}`;
  }
  return path === '' ? '/' : path;
}

/** LinuxPodSandboxConfig.cgroup_parent: the whole path with cgroupfs, only the slice's own name with systemd. */
export function cgroupParent(name: CgroupName, driver: CgroupDriver): string {
  const path = cgroupPath(name, driver);
  return driver === 'cgroupfs' ? path : path.slice(path.lastIndexOf('/') + 1);
}

/** The Pod UID of a directory in one of the QoS cgroups, or undefined for anything else. */
export function podUidOfDirectory(directory: string, driver: CgroupDriver): string | undefined {
  const last = driver === 'cgroupfs' ? directory : lastOfSlice(directory);
  return last?.startsWith(POD_PREFIX) && last.length > POD_PREFIX.length ? last.slice(POD_PREFIX.length) : undefined;
}

function lastOfSlice(directory: string): string | undefined {
  if (!directory.endsWith(SLICE)) return undefined;
  return directory.slice(0, -SLICE.length).split('-').at(-1)!.replaceAll('_', '-');
}
