import { built, differs, open, type Part } from './part.ts';

/** Volumes and the plug-ins that give them. */
export const VOLUMES: readonly Part[] = [
  built(
    'Claims, their volumes, generic ephemeral volumes',
    'src/volumes/rules/claim.test.ts',
    'a generic ephemeral volume is the claim that was made for this very Pod',
  ),
  built(
    'CSI volumes behind claims',
    'src/volumes/csi/kind.test.ts',
    'in use, attached, staged once, published for each Pod, and back',
  ),
  built(
    'CSI inline volumes',
    'src/volumes/csi/inline.test.ts',
    'is published with what the Pod says, noted on disk, and taken down from the note',
  ),
  built(
    'local volumes',
    'src/volumes/persistent/kinds/kinds.test.ts',
    'a directory is bound into each Pod, once, and its files stay when it is taken back',
  ),
  built('NFS', 'src/volumes/persistent/kinds/kinds.test.ts', 'it is mounted by a program, once'),
  built(
    'iSCSI',
    'src/volumes/scsi/iscsi.test.ts',
    'logs in, scans for the one LUN, mounts it once in Go’s place with Go’s file',
  ),
  built(
    'Fibre Channel',
    'src/volumes/scsi/fc.test.ts',
    'a disk that the kernel finds when it is told to look is mounted in Go’s place',
  ),
  built(
    'FlexVolume, volumePluginDir',
    'src/volumes/flex/kind.test.ts',
    'mounts once for each Pod, is told of Pod and volume, and takes it back',
  ),
  built(
    'In-tree volumes of clouds, by their CSI drivers',
    'src/volumes/csi/rules/migration.test.ts',
    'every source that the CSINode says is migrated is',
  ),
  built(
    'Raw block volumes',
    'src/volumes/csi/block.test.ts',
    'a raw device: staged and published where every kubelet does it',
  ),
  built(
    'FailedMapVolume',
    'src/podworker/claims.test.ts',
    'a device that is none: the Event has the reason and the words of block volumes',
  ),
  built(
    'volumesInUse, withheld until it is known',
    'src/node/rules/volumesInUse.test.ts',
    'nothing is said before it is known what an earlier kubelet left',
  ),
  built(
    'volumesAttached',
    'src/volumes/persistent/persistentVolumes.test.ts',
    'in use is accepted before anything else, then it is attached, staged once',
  ),
  built(
    'What an earlier process or the Go kubelet left is found on disk',
    'src/volumes/csi/kind.test.ts',
    'after a restart everything is found on disk and taken down without the Pod or the volume',
  ),
  open(
    'configMapAndSecretChangeDetectionStrategy Get and Cache',
    'API client',
    'objects are always watched; the start warns',
  ),
  built(
    'clusterTrustBundle sources',
    'src/volumes/certificates/trustBundles.test.ts',
    'one bundle by name: each anchor once',
  ),
  built(
    'podCertificate sources',
    'src/volumes/certificates/podCertificates.test.ts',
    'a request names Pod, service account and node',
  ),
  built('fsGroupChangePolicy', 'src/volumes/ownership.test.ts', 'OnRootMismatch with a root of mode'),
  built(
    'VolumePermissionChangeInProgress',
    'src/volumes/persistent/fsGroup.test.ts',
    'a walk that takes long says so after 30 s, and then once a minute',
  ),
  built(
    'Volumes are relabelled for SELinux',
    'src/podworker/actions/createContainer.test.ts',
    'are asked for on what this node made for the Pod, not on the host, with SELinux',
  ),
  built(
    'SELinux mounts',
    'src/volumes/csi/kind.test.ts',
    'an SELinux label is a mount option for a driver that takes one',
  ),
  differs('Two SELinux labels of one volume', 'A Pod that needs a volume under another SELinux label'),
  differs('Groups that volumes ask for', 'Groups that PersistentVolumes ask for (pv.beta.kubernetes.io/gid)'),
  built('plugins_registry', 'src/plugins/pluginManager.test.ts', 'a plug-in is asked, judged, registered and told so'),
  built(
    'CSINode, and the Node’s readiness that waits for it',
    'src/node/localNode.test.ts',
    'a CSINode that does not come keeps the Node from being ready, in kubelet’s words',
  ),
  built(
    'Volumes that grow',
    'src/volumes/persistent/persistentVolumes.test.ts',
    'a volume that has grown is expanded once, after it is published',
  ),
  built('NodeExpandVolume', 'src/volumes/csi/kind.test.ts', 'the driver grows it, and the claim and the Pod are told'),
  built('The health of volumes', 'src/volumes/csi/stats.test.ts', 'health is told where it is asked for'),
  built(
    'VolumeAttachmentLimitExceeded',
    'src/volumes/csi/attachLimit.test.ts',
    'a node that is full rejects the Pod, and the driver is asked anew before that',
  ),
  built(
    'A source of a later version is refused, never an emptyDir',
    'src/volumes/manager.test.ts',
    'a source that this version does not know is refused, and nothing is put in its place',
  ),
];
