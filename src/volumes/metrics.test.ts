import { Metrics } from '../k8s/metrics/metrics.ts';
import { createVolumeManager } from './manager.ts';
import { storageOperations } from './metrics.ts';
import { FakeVolumes, podOf, volumeOf } from './persistent/fake/attachedKind.ts';
import { PersistentVolumes } from './persistent/persistentVolumes.ts';
import { podWith, VolumeNode } from './testing/fixtures.ts';

async function countsOf(metrics: Metrics): Promise<string[]> {
  const lines = (await metrics.text()).split('\n');
  return lines.filter((line) => line.startsWith('storage_operation_duration_seconds_count'));
}
const line = (plugin: string, operation: string, status = 'success', count = 1) =>
  `storage_operation_duration_seconds_count{volume_plugin="${plugin}",operation_name="${operation}",status="${status}",migrated="false"} ${count}`;

test('mounts of Pods’ own volumes, by plug-in', async () => {
  using node = new VolumeNode();
  const metrics = new Metrics();
  const { root, mounter } = node;
  const manager = createVolumeManager({ root, mounter, onOperation: storageOperations(metrics) });
  const signal = new AbortController().signal;
  const volumes = [
    { name: 'e', emptyDir: {} },
    { name: 'c', configMap: { name: 'none' } },
  ];
  await manager.mount(podWith(volumes), volumes[0]!, node.context, signal);
  await manager.mount(podWith(volumes), volumes[1]!, node.context, signal).catch(() => {});
  expect(await countsOf(metrics)).toEqual([
    line('kubernetes.io/empty-dir', 'volume_mount'),
    line('kubernetes.io/configmap', 'volume_mount', 'fail-unknown'),
  ]);
});

test('steps of volumes that outlast Pods: staging and publishing are one mount', async () => {
  using fake = new FakeVolumes();
  const metrics = new Metrics();
  const { kind, host, clock } = fake;
  kind.attachable = false;
  kind.failures.set('stage', [new Error('no')]);
  fake.volumes = new PersistentVolumes({
    ...{ clock, host, log: host.log, onOperation: storageOperations(metrics) },
    kinds: { all: [kind], of: () => kind },
  });
  await fake.volumes.rebuild();
  await fake.have(podOf('a'), volumeOf('disk')).catch(() => {});
  await fake.have(podOf('a'), volumeOf('disk'));
  fake.volumes.sourcesSynced();
  await fake.leave(podOf('a'));
  await clock.advanceAsync(0);
  expect(await countsOf(metrics)).toEqual([
    line('example.com/attached', 'volume_mount', 'fail-unknown'),
    line('example.com/attached', 'volume_mount'),
    line('example.com/attached', 'volume_unmount'),
    line('example.com/attached', 'unmount_device'),
  ]);
});
