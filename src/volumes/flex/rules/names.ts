// Names of FlexVolume drivers, and where their volumes lie.
import { join } from 'node:path';

/** The plug-in that has all drivers' device mounts below its directory. */
export const FLEX_PLUGIN = 'kubernetes.io/flexvolume';

const DRIVER = /^[A-Za-z0-9][A-Za-z0-9_.-]*(?:\/[A-Za-z0-9][A-Za-z0-9_.-]*)?$/;

/** Plug-ins that kubelet has itself: no driver is ever called so, whatever lies in its directory. */
const OWN = new Set(
  [
    ...['configmap', 'csi', 'downward-api', 'empty-dir', 'fc', 'flexvolume', 'git-repo', 'host-path', 'image', 'iscsi'],
    ...['local-volume', 'nfs', 'projected', 'secret'],
    // Gone from kubelet; an older one may have left their directories.
    ...['aws-ebs', 'azure-disk', 'azure-file', 'cephfs', 'cinder', 'flocker', 'gce-pd', 'glusterfs', 'photon-pd'],
    ...['portworx-volume', 'quobyte', 'rbd', 'scaleio', 'storageos', 'vsphere-volume'],
  ].map((name) => `kubernetes.io/${name}`),
);

/** Whether it can be the name of a driver, `vendor/driver` or `driver`: it names directories, and stands in Pods. */
export function isDriverName(name: string): boolean {
  return name.length <= 256 && DRIVER.test(name) && !OWN.has(name);
}

/** The driver whose volumes lie in a directory of this name, below `pods/UID/volumes`; undefined: they are no driver's. */
export function driverOfDirectory(directory: string): string | undefined {
  const name = directory.replaceAll('~', '/');
  return isDriverName(name) ? name : undefined;
}

/** A driver's program: `DIR/vendor~driver/driver`. */
export function programOf(pluginDir: string, driver: string): string {
  return join(pluginDir, driver.replaceAll('/', '~'), driver.slice(driver.lastIndexOf('/') + 1));
}

/** The name that tells the volumes of a node apart: with `podUid` a volume of that Pod alone, without it one that is attached and shared. */
export function uniqueNameOf(driver: string, name: string, podUid: string | undefined): string {
  return `${driver}/${podUid === undefined ? '' : `${podUid}-`}${name}`;
}

/** The driver in a name that `uniqueNameOf` made. */
export function driverOf(uniqueName: string): string {
  return uniqueName.slice(0, uniqueName.lastIndexOf('/'));
}

/** Where a driver mounts a device once for all Pods. */
export function deviceMountPath(root: string, driver: string, name: string): string {
  return join(root, 'plugins', FLEX_PLUGIN, driver, 'mounts', name);
}
