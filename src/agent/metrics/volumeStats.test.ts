import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics } from '../../lib/metrics.ts';
import type { PodEntry } from '../../pods/entry.ts';
import { volumeStats } from './volumeStats.ts';

test('claims have the figures of their file systems, once each; exports of a server are not asked', async () => {
  const root = mkdtempSync(join(tmpdir(), 'volume-stats-'));
  try {
    const at = (plugin: string) => join(root, 'pods/u/volumes', plugin, 'pv');
    const [local, nfs] = [at('kubernetes.io~local-volume'), at('kubernetes.io~nfs')];
    for (const path of [local, nfs]) mkdirSync(path, { recursive: true });
    const claim = (name: string, claimName: string) => ({ name, persistentVolumeClaim: { claimName } });
    const volumes = [claim('a', 'data'), claim('b', 'data'), claim('c', 'export'), { name: 'd', emptyDir: {} }];
    const paths: Readonly<Record<string, string>> = { a: local, b: local, c: nfs, d: local };
    const entry = {
      uid: 'u',
      namespace: 'shop',
      pod: { metadata: { name: 'web' }, spec: { containers: [], volumes } },
      volumePath: (name: string) => paths[name],
    } as unknown as PodEntry;
    let pods = [entry];
    const metrics = new Metrics();
    volumeStats(
      metrics,
      () => pods,
      () => 0,
    );
    const lines = async () =>
      (await metrics.text()).split('\n').filter((line) => line.startsWith('kubelet_volume_stats_'));
    const told = await lines();
    expect(told.map((line) => line.split(' ')[0])).toEqual(
      ['available_bytes', 'capacity_bytes', 'inodes', 'inodes_free', 'inodes_used', 'used_bytes'].map(
        (name) => `kubelet_volume_stats_${name}{namespace="shop",persistentvolumeclaim="data"}`,
      ),
    );
    expect(Number(told[1]!.split(' ')[1])).toBeGreaterThan(0);
    pods = [];
    expect(await lines()).toEqual([]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
