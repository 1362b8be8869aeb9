import { needSnapshots } from './snapshots.ts';

test.each([
  ['csimock/csi_snapshot.go', 'CSI Snapshot Controller metrics', true],
  ['csimock/csi_workload.go', 'is told the Pod', false],
  ['testsuites/volumes.go', '[Driver: csi-hostpath] should store data', true],
  ['testsuites/snapshottable.go', '[Driver: local] snapshot', false],
])('%s %s', (file, name, needed) => expect(needSnapshots([{ file: `test/e2e/storage/${file}`, name }])).toBe(needed));
