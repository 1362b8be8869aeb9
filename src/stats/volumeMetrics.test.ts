import { volumeMetricsText } from './volumeMetrics.ts';

const time = '2026-01-01T00:00:00Z';
const pvcRef = { namespace: 'shop', name: 'disk' };

test('each claim once, under kubelet’s names', () => {
  const volume = {
    time,
    name: 'v',
    pvcRef,
    capacityBytes: 1000,
    usedBytes: 400,
    volumeHealthStats: { abnormal: true },
  };
  const text = volumeMetricsText([volume, { ...volume, name: 'w' }, { time, name: 'scratch', capacityBytes: 5 }]);
  const labels = '{namespace="shop",persistentvolumeclaim="disk"}';
  expect(text.split('\n').filter((line) => line && !line.startsWith('#'))).toEqual([
    `kubelet_volume_stats_capacity_bytes${labels} 1000`,
    `kubelet_volume_stats_used_bytes${labels} 400`,
    `kubelet_volume_stats_health_status_abnormal${labels} 1`,
  ]);
});

test('nothing without claims', () => expect(volumeMetricsText([{ time, name: 'x' }])).toBe(''));
