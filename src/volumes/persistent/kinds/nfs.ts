import { isIPv6 } from 'node:net';
import { volumePath } from '../../paths.ts';
import type { PersistentKind, VolumeSpec } from '../contract.ts';
import { foundShares } from '../foundOnDisk.ts';
import { isInTable, mountCommand, mountPointDirectory } from '../mountPrograms.ts';
import { mountOptions } from '../rules/mountOptions.ts';
import { unmountNetwork } from '../unmount.ts';
import { FinalError } from '../volumeStepError.ts';

const PLUGIN = 'kubernetes.io/nfs';
/** Each Pod mounts it for itself. */
const uniqueNameOf = (uid: string, name: string) => `${PLUGIN}/${uid}-${name}`;

/**
 * An NFS export, behind a claim or in the Pod. Everything that may wait for the server runs in a program beside this process: a server
 * that is dead holds its own Pod back, and nobody else.
 */
export const nfsKind: PersistentKind = {
  plugin: PLUGIN,
  supportsMountOptions: true,
  supportsBlock: false,
  isNetwork: true,
  identify: ({ name }, pod) => ({ uniqueName: uniqueNameOf(pod.metadata.uid, name), attachable: false }),

  async publish({ host, spec, pod, volume, signal, progress }) {
    const path = volumePath(host.root, pod.metadata.uid, PLUGIN, volume.name);
    if (await isInTable(host, path)) return { path };
    await mountPointDirectory(path);
    const { server, path: exported } = sourceOf(spec);
    // mount.nfs would take it for an option.
    if (server.startsWith('-')) throw new FinalError(`"${server}" is no name of an NFS server`);
    const source = `${isIPv6(server) ? `[${server}]` : server}:${exported}`;
    const options = mountOptions(spec, spec.readOnly ? ['ro'] : []);
    await mountCommand(host, { source, target: path, fsType: 'nfs', options, signal, progress });
    return { path };
  },

  unpublish: ({ host, volume, podUid }) =>
    unmountNetwork(host, volumePath(host.root, podUid, PLUGIN, volume.name), (message) => {
      if (message) host.log.warn('An NFS server does not answer', { volume: volume.name, podUID: podUid, message });
    }),

  async reconstruct({ root }) {
    const found = await foundShares(root, PLUGIN);
    return found.map(({ uid, name, mode }) => {
      const uniqueName = uniqueNameOf(uid, name);
      return { uniqueName, name, mode, attachable: false, staged: false, pods: [uid] };
    });
  },
};

function sourceOf({ pv, inline }: VolumeSpec) {
  return (pv?.spec ?? inline)!.nfs!;
}
