import { Metrics } from '../../k8s/metrics/metrics.ts';
import type { PodEntry } from '../../pods/entry.ts';
import { PodTable } from '../../pods/table.ts';
import { countRejections, rejectionLabel } from './admissionMetrics.ts';

test.each([
  ['OutOfcpu', 'OutOfcpu'],
  ['OutOfvendor.example/gpu', 'OutOfExtendedResources'],
  ['TopologyAffinityError', 'TopologyAffinityError'],
  ['SMTAlignmentError', 'Other'],
  ['a Pod’s own words', 'Other'],
])('%s counts as %s', (reason, label) => expect(rejectionLabel(reason)).toBe(label));

test('a rejected Pod counts once, however often it is looked at', async () => {
  const [metrics, table] = [new Metrics(), new PodTable()];
  countRejections(metrics, table);
  const look = (uid: string, reason?: string) => {
    const reasons = reason === undefined ? [] : [{ code: 'Rejected', reason, message: '' }];
    const owner = { uid, entry: { uid, reasons } as unknown as PodEntry, learn() {}, end() {}, wake() {} };
    table.enter(owner);
    table.decided(owner);
  };
  look('a', 'OutOfpods');
  look('a', 'OutOfpods');
  look('b', 'OutOfpods');
  look('c');
  expect(await metrics.text()).toContain('kubelet_admission_rejections_total{reason="OutOfpods"} 2\n');
});
