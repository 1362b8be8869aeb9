import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { PodTable } from '../pods/table.ts';
import type { Pod } from '../types/k8s.ts';
import type { CgroupManager } from './contract.ts';
import { burstableMilliCPU } from './rules/nodeConfig.ts';

/** Keeps the CPU weight of the Burstable cgroup at the sum of its Pods' requests: a Pod that comes or goes changes it. */
export function keepQosWeight(table: PodTable, cgroups: Pick<CgroupManager, 'updateQos'>, log: Logger): Disposable {
  const pods = new Map<string, Pod>();
  const update = () => {
    cgroups
      .updateQos(burstableMilliCPU([...pods.values()]))
      .catch((error) => log.warn('Failed to set the weight of the Burstable cgroup', { error: errorMessage(error) }));
  };
  // Cheap while nothing changed: it is called after each decision of each Pod.
  const follow = ({ uid, phase, pod }: PodEntry) => {
    const counts = pod !== null && (phase === 'Active' || phase === 'Terminating');
    if (pods.has(uid) === counts) return;
    if (counts) pods.set(uid, pod);
    else pods.delete(uid);
    update();
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
