import { isLookedAt } from './storage.ts';

const pod = '/var/lib/kubelet/pods/u';

test.each([
  ['a local volume behind a claim', `${pod}/volumes/kubernetes.io~local-volume/pv`, true, true],
  ['an emptyDir', `${pod}/volumes/kubernetes.io~empty-dir/v`, false, true],
  ['an export behind a claim: its server may be dead', `${pod}/volumes/kubernetes.io~nfs/pv`, true, false],
  ['an export in the Pod', `${pod}/volumes/kubernetes.io~nfs/v`, false, false],
  ['a driver’s volume', `${pod}/volumes/kubernetes.io~csi/pv/mount`, true, false],
  ['a path of the node behind a claim', '/mnt/data', true, false],
  ['a device', `${pod}/volumeDevices/kubernetes.io~local-volume/pv`, true, false],
])('%s is looked at for its size: %s', (_name, path, isClaimed, expected) => {
  expect(isLookedAt(path, 'u', isClaimed)).toBe(expected);
});
