import { isCriticalPod } from '../../k8s/criticalPod.ts';
import type { Pod } from '../../types/k8s.ts';
import type { Rejection } from '../types.ts';
import { podTolerates } from './taints.ts';

const MEMORY_TAINT = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' };

/**
 * Keeps new Pods away from a node under pressure. Memory pressure alone turns away only BestEffort Pods that do not tolerate
 * it; disk or PID pressure every Pod that is not critical.
 */
export function checkPressure(pod: Pod, qosClass: string, pressures: readonly string[]): Rejection | undefined {
  if (pressures.length === 0 || isCriticalPod(pod)) return undefined;
  if (pressures.length === 1 && pressures[0] === 'MemoryPressure') {
    if (qosClass !== 'BestEffort' || podTolerates(pod, MEMORY_TAINT)) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}
