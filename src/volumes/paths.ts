import { join } from 'node:path';
import { KubeletError } from '../lib/errors.ts';

/** The directory of one volume, as every kubelet lays it out, so that nodes can switch between kubelets. */
export function volumePath(root: string, uid: string, plugin: string, name: string): string {
  return join(podPath(root, uid), 'volumes', pluginDirectory(plugin), safeName('volume name', name));
}

/** The link of a Pod to one block device. */
export function podDevicePath(root: string, uid: string, plugin: string, name: string): string {
  return join(podPath(root, uid), 'volumeDevices', pluginDirectory(plugin), safeName('volume name', name));
}

/** Where a subPath mount is bound. */
export function subPathTarget(root: string, uid: string, volume: string, container: string, index: number): string {
  const names = [safeName('volume name', volume), safeName('container name', container), String(index)];
  return join(podPath(root, uid), 'volume-subpaths', ...names);
}

/** The Pod's directory below the kubelet's root. Errors on a UID that is no plain file name. */
export function podPath(root: string, uid: string): string {
  return join(root, 'pods', safeName('pod UID', uid));
}

/** `kubernetes.io/secret` becomes `kubernetes.io~secret`. */
export function pluginDirectory(plugin: string): string {
  return plugin.replaceAll('/', '~');
}

/** Whether it is one path element that Kubernetes could have named: what else lies on disk is nobody's volume. */
export function isSafeName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._~-]*$/.test(name);
}

/** Static Pods' UIDs and names come from files that somebody wrote; each must be exactly one path element. */
function safeName(what: string, name: string): string {
  if (isSafeName(name)) return name;
  throw new KubeletError(`${what} ${JSON.stringify(name)} cannot be a directory name`, { code: 'UnsafePath' });
}
