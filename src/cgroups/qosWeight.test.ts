import { silentLogger } from '../lib/logger.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { PodTable } from '../pods/table.ts';
import { TestOwner } from '../pods/testing/owner.ts';
import { keepQosWeight } from './qosWeight.ts';

const podOf = (cpu: string) =>
  allocatedAsAsked({ spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] } });

test('the weight of the Burstable cgroup follows Pods that come, are resized, and go', () => {
  const table = new PodTable();
  const sums: number[] = [];
  using _ = keepQosWeight(table, { updateQos: async (sum) => void sums.push(sum) }, silentLogger);
  const a = new TestOwner(table, { uid: 'a', pod: podOf('100m') });
  const b = new TestOwner(table, { uid: 'b', pod: podOf('200m') });
  a.decide();
  b.decide();
  b.decide();
  a.decide({ pod: podOf('0.1') });
  a.decide({ pod: podOf('500m') });
  b.decide({ phase: 'Cleaning' });
  table.leave('a');
  expect(sums).toEqual([100, 300, 700, 500, 0]);
});
