import { prometheusText } from './prometheusText.ts';
import type { VolumeStats } from './shapes.ts';

/** kubelet_volume_stats_*: name, help and value of each. */
const FAMILIES: readonly (readonly [name: string, help: string, value: (v: VolumeStats) => number | undefined])[] = [
  ['capacity_bytes', 'Capacity in bytes of the volume', (v) => v.capacityBytes],
  ['available_bytes', 'Number of available bytes in the volume', (v) => v.availableBytes],
  ['used_bytes', 'Number of used bytes in the volume', (v) => v.usedBytes],
  ['inodes', 'Maximum number of inodes in the volume', (v) => v.inodes],
  ['inodes_free', 'Number of free inodes in the volume', (v) => v.inodesFree],
  ['inodes_used', 'Number of used inodes in the volume', (v) => v.inodesUsed],
  [
    'health_status_abnormal',
    'Abnormal volume health status. The count is either 1 or 0. 1 indicates the volume is unhealthy, 0 indicates volume is healthy',
    (v) => v.volumeHealthStats && Number(v.volumeHealthStats.abnormal),
  ],
];

/** Figures of volumes behind claims, in Prometheus' text form; each claim once, however many Pods have it. */
export function volumeMetricsText(volumes: readonly VolumeStats[]): string {
  const byClaim = new Map<string, VolumeStats>();
  for (const volume of volumes) {
    const { pvcRef } = volume;
    const key = `${pvcRef?.namespace}/${pvcRef?.name}`;
    if (pvcRef && !byClaim.has(key)) byClaim.set(key, volume);
  }
  return FAMILIES.map(([name, help, value]) =>
    prometheusText(
      { name: `kubelet_volume_stats_${name}`, help, type: 'gauge' },
      [...byClaim.values()].flatMap((volume) => {
        const one = value(volume);
        const { namespace, name: claim } = volume.pvcRef!;
        return one === undefined ? [] : [{ labels: { namespace, persistentvolumeclaim: claim }, value: one }];
      }),
    ),
  ).join('');
}
