import type { FeatureGates } from '../../config/featureGates.ts';
import type { KubeletConfiguration } from '../../config/kubeletConfiguration.ts';
import type { QosSettings } from './qosTiers.ts';

/** What configuration and feature gates (both alpha, off) keep for whom. Memory can be protected with cgroup v2 alone. */
export function qosSettings(
  config: Pick<KubeletConfiguration, 'memoryReservationPolicy' | 'qosReserved'>,
  gates: Pick<FeatureGates, 'enabled'>,
  version: 1 | 2,
  allocatableMemory: number,
): QosSettings {
  const percent = gates.enabled('QOSReserved') ? config.qosReserved.memory : undefined;
  return {
    allocatableMemory,
    ...(gates.enabled('MemoryQoS') &&
      version === 2 && { tieredReservation: config.memoryReservationPolicy === 'TieredReservation' }),
    ...(percent !== undefined && { reservedPercent: Number.parseInt(percent, 10) }),
  };
}
