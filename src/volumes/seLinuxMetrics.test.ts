import { Metrics } from '../k8s/metrics/metrics.ts';
import type { StoredPod } from '../types/k8s.ts';
import { createVolumeManager } from './manager.ts';
import type { PersistentKind, VolumeSpec } from './persistent/contract.ts';
import { FakeVolumes, podOf, volumeOf } from './persistent/fake/attachedKind.ts';
import { PersistentVolumes } from './persistent/persistentVolumes.ts';
import { seLinuxVolumeLabel } from './rules/seLinuxLabel.ts';
import { seLinuxCounts } from './seLinuxMetrics.ts';
import { podWith, signal, VolumeNode } from './testing/fixtures.ts';
import { claimedVolume } from './types/persistent.ts';
import type { VolumeTask } from './volumeType.ts';

const seLinux = { fileContext: 'system_u:object_r:container_file_t:s0', everyMode: false };

async function countsOf(metrics: Metrics): Promise<string[]> {
  const lines = (await metrics.text()).split('\n');
  return lines.filter((line) => line.startsWith('volume_manager_selinux_')).map((line) => line.slice(23));
}

/** A Pod whose container wants the volume `disk` under a level. */
const wanting = (uid: string, level: string): StoredPod =>
  podOf(uid, {
    containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'disk', mountPath: '/v' }] }],
    securityContext: { seLinuxOptions: { level } },
  });

/** Pods come one after the other to a volume of this access mode, each with a level; the first one leaves in the end, and comes back. */
async function counted(accessMode: string, ...levels: string[]): Promise<string[]> {
  using node = new FakeVolumes();
  const { clock, host, kind } = node;
  const metrics = new Metrics();
  kind.attachable = false;
  const csi: PersistentKind = Object.assign(kind, { metricName: () => 'kubernetes.io/csi:example.com' });
  node.volumes = new PersistentVolumes({
    ...{ clock, host, log: host.log, seLinuxCounts: seLinuxCounts(metrics) },
    kinds: { all: [csi], of: () => csi },
  });
  await node.volumes.rebuild();
  node.volumes.sourcesSynced();
  const spec: VolumeSpec = volumeOf('disk', { accessModes: [accessMode] });
  const order = (pod: StoredPod) => ({ label: seLinuxVolumeLabel(pod, 'disk', spec, seLinux) });
  const pods = levels.map((level, n) => wanting(`p${n}`, level));
  for (const pod of pods) {
    // Twice, as at each update, and counted once. A second Pod may be refused: the volume is the first one's alone.
    for (let n = 0; n < 2; n++) await node.have(pod, spec, csi, order(pod)).catch(() => {});
  }
  for (const pod of pods) await node.leave(pod);
  await node.have(pods[0]!, spec, csi, order(pods[0]!));
  return countsOf(metrics);
}

const csi = (mode: string) => `{volume_plugin="kubernetes.io/csi/example.com",access_mode="${mode}"}`;

test('a volume is counted with its first Pod, another label of a further Pod as a warning', async () => {
  expect(await counted('ReadWriteOnce', 's0:c1', 's0:c1', 's0:c2')).toEqual([
    `volumes_admitted_total${csi('RWO')} 2`,
    `volume_context_mismatch_warnings_total${csi('RWO')} 1`,
  ]);
});

test('where the volume is mounted with the label it is an error', async () => {
  expect(await counted('ReadWriteOncePod', 's0:c1', 's0:c2')).toEqual([
    `volumes_admitted_total${csi('RWOP')} 2`,
    `volume_context_mismatch_errors_total${csi('RWOP')} 1`,
  ]);
});

test('without a label nothing is counted', async () => {
  expect(await counted('ReadWriteOnce', '', '')).toEqual([]);
});

/** A Pod whose two containers want its claim under these levels; what the attempt ended with, and what was counted. */
async function claimed(accessMode: string, one: string, other: string, takesLabel = true): Promise<[string, string[]]> {
  const metrics = new Metrics();
  const claim = { name: 'c', namespace: 'shop', uid: 'c1' };
  const spec = { volumeName: 'pv', volumeMode: 'Filesystem', accessModes: [accessMode] };
  const [bound, pv] = [
    { metadata: claim, spec, status: { phase: 'Bound' } },
    { metadata: { name: 'pv' }, spec: { accessModes: [accessMode], claimRef: claim }, status: { phase: 'Bound' } },
  ];
  const kind = {
    plugin: 'p',
    identify: () => ({ uniqueName: 'p/pv', attachable: false }),
    seLinuxMount: () => takesLabel,
  };
  const persistent = { kinds: { all: [], of: () => kind }, have: async () => ({ path: '/mnt' }) };
  const objects = { get: (of: string) => ({ state: 'present', object: of === 'PersistentVolume' ? pv : bound }) };
  const volume = { name: 'v', persistentVolumeClaim: { claimName: 'c' } };
  const containers = [one, other].map((level, n) => ({
    ...{ name: `c${n}`, image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] },
    securityContext: { seLinuxOptions: { level } },
  }));
  const pod = podWith([volume], { containers });
  const tell = { event: () => {}, progress: () => {} };
  const host = { persistent, seLinux, seLinuxCounts: seLinuxCounts(metrics) };
  const task = { host, pod, volume, context: { objects }, signal, tell } as unknown as VolumeTask;
  const ended = await claimedVolume.mount(task).then(
    () => 'mounted',
    (error: Error) => error.message,
  );
  return [ended, await countsOf(metrics)];
}

test.each([
  ['several labels', 's0:c2', 'pod_context_mismatch', 'multiple SELinux labels found'],
  ['what is no label', '"', 'container', 'is no SELinux label'],
])('%s: an error where the volume is mounted with one, else a warning', async (_name, other, counter, message) => {
  const one = other === '"' ? other : 's0:c1';
  const [failed, errors] = await claimed('ReadWriteOncePod', one, other);
  expect(failed).toContain(message);
  expect(errors).toEqual([`${counter}_errors_total{access_mode="RWOP"} 1`]);
  expect(await claimed('ReadOnlyMany', one, other)).toEqual([
    'mounted',
    [`${counter}_warnings_total{access_mode="ROX"} 1`],
  ]);
});

test('several labels count against a volume of a kind that takes none too, what is no label does not', async () => {
  const [failed, errors] = await claimed('ReadWriteOncePod', 's0:c1', 's0:c2', false);
  expect(failed).toContain('multiple SELinux labels found');
  expect(errors).toEqual(['pod_context_mismatch_errors_total{access_mode="RWOP"} 1']);
  expect(await claimed('ReadWriteOncePod', '"', '"', false)).toEqual(['mounted', []]);
});

test('several labels for a volume of the Pod itself are a warning', async () => {
  using node = new VolumeNode();
  const metrics = new Metrics();
  const { root, mounter, context } = node;
  const manager = createVolumeManager({ root, mounter, seLinux, seLinuxCounts: seLinuxCounts(metrics) });
  const volume = { name: 'e', emptyDir: {} };
  const containers = ['s0:c1', 's0:c2'].map((level, n) => ({
    ...{ name: `c${n}`, image: 'i', volumeMounts: [{ name: 'e', mountPath: '/e' }] },
    securityContext: { seLinuxOptions: { level } },
  }));
  await manager.mount(podWith([volume], { containers }), volume, context, new AbortController().signal);
  expect(await countsOf(metrics)).toEqual(['pod_context_mismatch_warnings_total{access_mode="inline"} 1']);
});
