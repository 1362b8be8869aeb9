// Names and places of CSI volumes, as every kubelet makes them: drivers, the attach-detach controller and other kubelets know them.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { KubeletError } from '../../lib/errors.ts';
import { volumePath } from '../paths.ts';

/** The plug-in that all CSI volumes belong to. */
export const CSI_PLUGIN = 'kubernetes.io/csi';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The volume id of an inline volume: drivers make such a volume when it is first published. */
export function inlineHandle(uid: string, volume: string): string {
  return `csi-${sha256(`${uid}${volume}`)}`;
}

/** A volume's name in the Node's volumesInUse and volumesAttached. */
export function uniqueName(driver: string, handle: string): string {
  return `${CSI_PLUGIN}/${driver}^${handle}`;
}

/** Driver and handle of such a name. */
export function volumeOf(name: string): { readonly driver: string; readonly handle: string } {
  const [driver = '', ...handle] = name.slice(CSI_PLUGIN.length + 1).split('^');
  return { driver, handle: handle.join('^') };
}

/** The name of the VolumeAttachment of a volume and a node. */
export function attachmentName(handle: string, driver: string, node: string): string {
  return `csi-${sha256(`${handle}${driver}${node}`)}`;
}

/** Where a volume is published for a Pod: `volume` is the PersistentVolume's name, or that of the inline volume. */
export function publishPath(root: string, uid: string, volume: string): string {
  return join(volumePath(root, uid, CSI_PLUGIN, volume), 'mount');
}

/** Where a file system is staged, once for all Pods of the node. */
export function stagingPath(root: string, driver: string, handle: string): string {
  return join(root, 'plugins', CSI_PLUGIN, safe('CSI driver name', driver), sha256(handle), 'globalmount');
}

/** The places of a raw block volume, by the PersistentVolume's name and, for `publish`, the Pod's UID. */
export function blockPlaces(root: string, volume: string, uid: string) {
  const name = safe('volume name', volume);
  // Kubelet's own directories beside the volumes': who had one of these names would be given, and removed with, everybody's.
  if (name === 'staging' || name === 'publish') throw unsafe('volume name', name);
  const devices = join(root, 'plugins', CSI_PLUGIN, 'volumeDevices');
  return {
    staging: join(devices, 'staging', name),
    publishDirectory: join(devices, 'publish', name),
    publish: join(devices, 'publish', name, uid === '' ? '' : safe('pod UID', uid)),
    own: join(devices, name),
    data: join(devices, name, 'data'),
    /** Holds a link to the device for each Pod that has it. */
    globalMap: join(devices, name, 'dev'),
  };
}

/** Each must be exactly one path element: they come from API objects. */
function safe(what: string, name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._~-]*$/.test(name)) return name;
  throw unsafe(what, name);
}

function unsafe(what: string, name: string): KubeletError {
  return new KubeletError(`${what} ${JSON.stringify(name)} cannot be a directory name`, { code: 'UnsafePath' });
}
