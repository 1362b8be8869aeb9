import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { allocatedAsAsked } from '../pods/rules/allocation.ts';
import { PodTable } from '../pods/table.ts';
import { TestOwner } from '../pods/testing/owner.ts';
import { keepQos } from './keepQos.ts';

const podOf = (cpu: string) =>
  allocatedAsAsked({ spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] } });

function setUp() {
  const [table, clock] = [new PodTable(), new ManualClock()];
  const sums: number[] = [];
  const seen = { refreshed: 0 };
  const cgroups = {
    updateQos: async ({ burstableMilliCPU }: { burstableMilliCPU: number }) => void sums.push(burstableMilliCPU),
    refreshQos: async () => void seen.refreshed++,
  };
  return { table, clock, sums, seen, kept: keepQos({ table, cgroups, clock, log: silentLogger }) };
}

test('the weight of the Burstable cgroup follows Pods that come, are resized, and go', () => {
  const { table, sums, kept } = setUp();
  using _ = kept;
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

test('each minute they are set anew, until the end', () => {
  const { clock, seen, kept } = setUp();
  clock.advance(59_999);
  expect(seen.refreshed).toBe(0);
  clock.advance(1);
  clock.advance(60_000);
  expect(seen.refreshed).toBe(2);
  kept[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});
