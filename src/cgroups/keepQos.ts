import type { Clock } from '../lib/clock.ts';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { PodEntry } from '../pods/entry.ts';
import type { PodTable } from '../pods/table.ts';
import type { AllocatedPod } from '../types/k8s.ts';
import type { CgroupManager } from './contract.ts';
import { addDemands, demandOf, type QosDemand, sameDemand } from './rules/qosTiers.ts';

/** An allowed poll: nobody tells who else writes into a cgroup. kubelet's periodicQOSCgroupUpdateInterval. */
const REFRESH_MS = 60_000;

/** What is followed, and what it is written with. */
export interface KeepQosOptions {
  readonly table: PodTable;
  readonly cgroups: Pick<CgroupManager, 'updateQos' | 'refreshQos'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told at each change. */
  readonly onDemand?: (demand: QosDemand) => void;
}

/** Keeps the QoS classes' cgroups at what their Pods request: a Pod that comes, goes or is resized changes it. Each minute they are set anew. */
export function keepQos({ table, cgroups, clock, log, onDemand }: KeepQosOptions): Disposable {
  const pods = new Map<string, { readonly pod: AllocatedPod; readonly demand: QosDemand }>();
  const warn = (error: unknown) =>
    log.warn('Failed to update QoS cgroup configuration', { error: errorMessage(error) });
  const update = () => {
    const sum = addDemands([...pods.values()].map(({ demand }) => demand));
    onDemand?.(sum);
    cgroups.updateQos(sum).catch(warn);
  };
  // Cheap while nothing changed: it is called after each decision of each Pod.
  const follow = ({ uid, phase, pod }: PodEntry) => {
    const before = pods.get(uid);
    if (pod === null || (phase !== 'Active' && phase !== 'Terminating')) {
      if (pods.delete(uid)) update();
    } else if (before?.pod !== pod) {
      const demand = demandOf(pod);
      pods.set(uid, { pod, demand });
      if (!sameDemand(demand, before?.demand)) update();
    }
  };
  let timer: Disposable;
  const refresh = () => {
    timer = clock.setTimer(REFRESH_MS, refresh);
    cgroups.refreshQos().catch(warn);
  };
  timer = clock.setTimer(REFRESH_MS, refresh);
  const stack = new DisposableStack();
  stack.defer(() => timer[Symbol.dispose]());
  stack.use(table.onDecided(follow));
  stack.use(
    table.onEnded((uid) => {
      if (pods.delete(uid)) update();
    }),
  );
  return stack;
}
