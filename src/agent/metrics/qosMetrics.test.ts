import { Metrics } from '../../k8s/metrics/metrics.ts';
import { memoryQosGauges } from './qosMetrics.ts';

const demand = { burstableMilliCPU: 1, guaranteedMemory: 20, burstableMemory: 30 };

test.each([
  [true, ['20', '30']],
  [false, ['0', '0']],
  [undefined, [undefined, undefined]],
])('memory that is kept, with tieredReservation %j', async (tieredReservation, expected) => {
  const m = new Metrics();
  const settings = { allocatableMemory: 0, ...(tieredReservation !== undefined && { tieredReservation }) };
  memoryQosGauges(m, settings)?.(demand);
  const text = await m.text();
  const value = (kind: string) =>
    new RegExp(`^kubelet_memory_qos_node_memory_${kind}_bytes (\\d+)$`, 'm').exec(text)?.[1];
  expect([value('min'), value('low')]).toEqual(expected);
});
