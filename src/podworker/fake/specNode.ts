import { join } from 'node:path';
import type { Services } from '../actions/services.ts';

/** A node as requests to the runtime see it. */
export function specNode({ root, seLinux }: { readonly root: string; readonly seLinux: boolean }): Services['spec'] {
  return {
    cgroupVersion: 1,
    cpuCFSQuota: true,
    cpuCFSQuotaPeriod: 100_000,
    memoryCapacity: 8 * 2 ** 30,
    swapCapacity: 0,
    hugePageSizes: [],
    singleProcessOOMKill: true,
    swapControllerAvailable: false,
    swapBehavior: '',
    thermalThrottlePaths: [],
    seLinuxEnabled: seLinux,
    seccompDefault: false,
    seccompRoot: join(root, 'seccomp'),
    podLogsRoot: join(root, 'logs'),
    containerStopSignals: false,
  };
}
