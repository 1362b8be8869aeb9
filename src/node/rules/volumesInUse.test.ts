import { parseMountInfo } from '../../lib/linux/mountInfo.ts';
import { volumesInUse } from './volumesInUse.ts';

const root = '/var/lib/kubelet';
const at = (mountPoint: string) => parseMountInfo(`30 1 8:1 / ${mountPoint} rw shared:1 - ext4 /dev/sdb rw\n`);
const pod = `${root}/pods/u`;
const nobody = { inUse: [], plugins: new Set<string>() };
const shown = ['kubernetes.io/csi/d^1'];

test.each([
  ['a CSI volume of a Pod', `${pod}/volumes/kubernetes.io~csi/pv/mount`, shown],
  ['a flex volume of a Pod', `${pod}/volumes/vendor~driver/v`, shown],
  ['a block device of a Pod', `${pod}/volumeDevices/kubernetes.io~csi/pv`, shown],
  ['a volume before it is bound into Pods', `${root}/plugins/kubernetes.io/csi/d/1a/globalmount`, shown],
  ['a Secret', `${pod}/volumes/kubernetes.io~secret/s`, []],
  ['a token', `${pod}/volumes/kubernetes.io~projected/kube-api-access`, []],
  ['a subPath of the Pod', `${pod}/volume-subpaths/v/c/0`, []],
  ['the directory of plug-ins as a disk of its own', `${root}/plugins`, []],
  ['the root directory as a disk of its own', root, []],
  ['another directory that only begins alike', '/var/lib/kubelet-other/plugins/x', []],
])('%s is mounted', (_name, mountPoint, expected) => {
  expect(volumesInUse(nobody, shown, at(mountPoint), root)).toEqual(expected);
});

test.each([
  ['a disk of the node, for all Pods', `${root}/plugins/kubernetes.io/local-volume/mounts/pv`],
  ['a block device of the node', `${root}/plugins/kubernetes.io~local-volume/volumeDevices/pv/u`],
  ['a local volume of a Pod', `${pod}/volumes/kubernetes.io~local-volume/pv`],
])('%s has an owner here who knows that it is not attached', (_name, mountPoint) => {
  const owned = { inUse: ['a'], plugins: new Set(['kubernetes.io/local-volume']) };
  expect(volumesInUse(owned, shown, at(mountPoint), root)).toEqual(['a']);
});

test('what is owned and what is foreign stand side by side', () => {
  const owned = { inUse: ['kubernetes.io/other/x'], plugins: new Set(['kubernetes.io/other']) };
  const foreign = at(`${pod}/volumes/kubernetes.io~csi/pv/mount`);
  expect(volumesInUse(owned, shown, foreign, root)).toEqual(['kubernetes.io/csi/d^1', 'kubernetes.io/other/x']);
});

test('nothing is said before it is known what an earlier kubelet left', () => {
  expect(volumesInUse({ ...nobody, inUse: undefined }, shown, [], root)).toBeUndefined();
});
