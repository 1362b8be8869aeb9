import type { QosDemand, QosSettings } from '../../cgroups/rules/qosTiers.ts';
import type { Metrics } from '../../k8s/metrics/metrics.ts';

/** kubelet_memory_qos_*: tells what is kept for which class at each change; undefined without memory protection, which has no metrics then. */
export function memoryQosGauges(
  m: Metrics,
  { tieredReservation }: QosSettings,
): ((demand: QosDemand) => void) | undefined {
  if (tieredReservation === undefined) return undefined;
  const min = m.gauge('kubelet_memory_qos_node_memory_min_bytes');
  const low = m.gauge('kubelet_memory_qos_node_memory_low_bytes');
  return ({ guaranteedMemory, burstableMemory }) => {
    min.set(tieredReservation ? guaranteedMemory : 0);
    low.set(tieredReservation ? burstableMemory : 0);
  };
}
