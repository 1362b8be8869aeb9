import type { StepOrder } from '../persistent/steps.ts';
import { podWith, signal } from '../testing/fixtures.ts';
import type { VolumeTask } from '../volumeType.ts';
import { claimedVolume } from './persistent.ts';

const claim = {
  metadata: { name: 'c', namespace: 'shop', uid: 'c1' },
  spec: { volumeName: 'pv', volumeMode: 'Filesystem', accessModes: ['ReadWriteOncePod'] },
  status: { phase: 'Bound' },
};
const pv = {
  metadata: { name: 'pv' },
  spec: { accessModes: ['ReadWriteOncePod'], claimRef: { name: 'c', namespace: 'shop', uid: 'c1' } },
  status: { phase: 'Bound' },
};

/** What the volume's owner is asked for a claim. */
async function asked(seLinux: object | undefined, takes: boolean): Promise<StepOrder> {
  let order: StepOrder | undefined;
  const kind = {
    plugin: 'p',
    identify: () => ({ uniqueName: 'p/pv', attachable: false }),
    seLinuxMount: () => takes,
  };
  const persistent = {
    kinds: { all: [], of: () => kind },
    have: async (_identity: unknown, _kind: unknown, given: StepOrder) => {
      order = given;
      return { path: '/mnt' };
    },
  };
  const objects = { get: (kind: string) => ({ state: 'present', object: kind === 'PersistentVolume' ? pv : claim }) };
  const volume = { name: 'v', persistentVolumeClaim: { claimName: 'c' } };
  const containers = [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }];
  const pod = podWith([volume], { containers, securityContext: { seLinuxOptions: { level: 's0:c1' } } });
  const tell = { event: () => {}, progress: () => {} };
  const host = { persistent, ...(seLinux ? { seLinux } : {}) };
  await claimedVolume.mount({ host, pod, volume, context: { objects }, signal, tell } as unknown as VolumeTask);
  return order!;
}

const seLinux = { fileContext: 'system_u:object_r:container_file_t:s0', everyMode: false };

test.each([
  ['on a machine with SELinux, of a kind that takes labels', seLinux, true, 'system_u:object_r:container_file_t:s0:c1'],
  ['of a kind that takes none', seLinux, false, ''],
  ['on a machine without SELinux', undefined, true, ''],
])('a volume is mounted with the label of its Pod %s', async (_name, host, takes, expected) => {
  expect((await asked(host, takes)).seLinuxLabel).toBe(expected);
});
