import { parseMountInfo } from '../../lib/linux/mountInfo.ts';
import { volumesInUse } from './volumesInUse.ts';

const at = (mountPoint: string) => parseMountInfo(`30 1 8:1 / ${mountPoint} rw shared:1 - ext4 /dev/sdb rw\n`);
const pod = '/var/lib/kubelet/pods/u';

test.each([
  ['a CSI volume of a Pod', `${pod}/volumes/kubernetes.io~csi/pv/mount`, undefined],
  ['a flex volume of a Pod', `${pod}/volumes/vendor~driver/v`, undefined],
  ['a block device of a Pod', `${pod}/volumeDevices/kubernetes.io~csi/pv`, undefined],
  ['a volume before it is bound into Pods', '/var/lib/kubelet/plugins/kubernetes.io/csi/d/1a/globalmount', undefined],
  ['a Secret', `${pod}/volumes/kubernetes.io~secret/s`, []],
  ['a token', `${pod}/volumes/kubernetes.io~projected/kube-api-access`, []],
  ['a subPath of the Pod', `${pod}/volume-subpaths/v/c/0`, []],
  ['the directory of plug-ins as a disk of its own', '/var/lib/kubelet/plugins', []],
  ['the root directory as a disk of its own', '/var/lib/kubelet', []],
  ['another directory that only begins alike', '/var/lib/kubelet-other/plugins/x', []],
])('%s is mounted', (_name, mountPoint, expected) => {
  expect(volumesInUse(at(mountPoint), '/var/lib/kubelet')).toEqual(expected);
});
