import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { busyboxBuild, busyboxPackages } from '../busyboxBuild.ts';
import type { ImageDefinition } from '../definition.ts';
import { fillBusybox } from './busybox.ts';

/** An image of one program of the tool group csi, and of a shell, which some specs call in it. */
function definition(name: string, tag: string, program: string, args: string[] = []): ImageDefinition {
  return {
    name,
    refs: [`registry.k8s.io/sig-storage/${name}:${tag}`],
    config: { Entrypoint: [`/${name}`, ...args] },
    groups: ['csi'],
    packages: busyboxPackages,
    inputs: [import.meta.filename, path.join(import.meta.dirname, 'busybox.ts'), busyboxBuild],
    async build({ root, tools }) {
      await fillBusybox(root);
      copyFileSync(tools.bin(program), path.join(root, name));
    },
  };
}

// The tags are those of Kubernetes' test manifests; what is inside is the version in tools/components.ts.

/** Creates and deletes volumes for claims. */
export const csiProvisioner = definition('csi-provisioner', 'v6.1.1', 'csi-provisioner');

/** Answers VolumeAttachments. */
export const csiAttacher = definition('csi-attacher', 'v4.11.0', 'csi-attacher');

/** Enlarges volumes for claims. */
export const csiResizer = definition('csi-resizer', 'v2.1.0', 'csi-resizer');

/** Takes and deletes snapshots for VolumeSnapshotContents. */
export const csiSnapshotter = definition('csi-snapshotter', 'v8.5.0', 'csi-snapshotter');

/** Tells kubelet of a driver. Ours. */
export const csiNodeDriverRegistrar = definition('csi-node-driver-registrar', 'v2.16.0', 'csi-registrar');

/** A driver, and a bridge to one in a test program. Ours. */
export const hostpathPlugin = definition('hostpathplugin', 'v1.17.1', 'csi-hostpath');

/** Answers a driver's probes. Ours. */
export const livenessprobe = definition('livenessprobe', 'v2.18.0', 'csi-livenessprobe');
