import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { PodTable } from '../pods/table.ts';
import type { AllocatedPod } from '../types/k8s.ts';
import type { CgroupManager } from './contract.ts';
import { burstableMilliCPU } from './rules/nodeConfig.ts';

/** Keeps the CPU weight of the Burstable cgroup at the sum of its Pods' requests: a Pod that comes, goes or is resized changes it. */
export function keepQosWeight(table: PodTable, cgroups: Pick<CgroupManager, 'updateQos'>, log: Logger): Disposable {
  const pods = new Map<string, { readonly pod: AllocatedPod; readonly milliCPU: number }>();
  const update = () => {
    const sum = [...pods.values()].reduce((all, { milliCPU }) => all + milliCPU, 0);
    cgroups
      .updateQos(sum)
      .catch((error) => log.warn('Failed to set the weight of the Burstable cgroup', { error: errorMessage(error) }));
  };
  // Cheap while nothing changed: it is called after each decision of each Pod.
  const follow = ({ uid, phase, pod }: PodEntry) => {
    const before = pods.get(uid);
    if (pod === null || (phase !== 'Active' && phase !== 'Terminating')) {
      if (pods.delete(uid)) update();
    } else if (before?.pod !== pod) {
      const milliCPU = burstableMilliCPU([pod]);
      pods.set(uid, { pod, milliCPU });
      if (milliCPU !== before?.milliCPU) update();
    }
  };
  const stack = new DisposableStack();
  stack.use(table.onDecided(follow));
  stack.use(
    table.onEnded((uid) => {
      if (pods.delete(uid)) update();
    }),
  );
  return stack;
}
