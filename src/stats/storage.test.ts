import { ManualClock } from '../lib/fake/manualClock.ts';
import type { ServedPod } from '../pods/served.ts';
import { isLookedAt, StorageFigures } from './storage.ts';

const pod = '/var/lib/kubelet/pods/u';

test.each([
  ['a local volume behind a claim', `${pod}/volumes/kubernetes.io~local-volume/pv`, true, true],
  ['an emptyDir', `${pod}/volumes/kubernetes.io~empty-dir/v`, false, true],
  ['an export behind a claim: its server may be dead', `${pod}/volumes/kubernetes.io~nfs/pv`, true, false],
  ['an export in the Pod', `${pod}/volumes/kubernetes.io~nfs/v`, false, false],
  ['a driver’s volume', `${pod}/volumes/kubernetes.io~csi/pv/mount`, true, false],
  ['what a FlexVolume driver mounts', `${pod}/volumes/k8s~dummy/v`, false, false],
  ['a path of the node behind a claim', '/mnt/data', true, false],
  ['a device', `${pod}/volumeDevices/kubernetes.io~local-volume/pv`, true, false],
])('%s is looked at for its size: %s', (_name, path, isClaimed, expected) => {
  expect(isLookedAt(path, 'u', isClaimed)).toBe(expected);
});

test('a disk that is dead holds one thread, however often figures are asked for, and no answer', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const statfs = () => {
    asked += 1;
    return new Promise<never>(() => {});
  };
  using storage = new StorageFigures({ clock, maxAgeMs: 60_000, has: () => true, statfs });
  const served = {
    ...{ uid: 'u', name: 'web', namespace: 'ns' },
    pod: { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] } },
    volumePath: () => `${pod}/volumes/kubernetes.io~local-volume/pv`,
  } as unknown as ServedPod;
  for (let i = 0; i < 20; i++) {
    using patience = storage.patience();
    const answer = storage.claims(served, 0, patience);
    await clock.advanceAsync(1_500);
    expect(await answer).toEqual([]);
  }
  expect(asked).toBe(1);
});
