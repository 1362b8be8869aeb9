import type { Driver } from './driver.ts';
import { LatestValue } from './latestValue.ts';
import { type CgroupName, qosCgroup } from './rules/names.ts';
import {
  type QosConfigs,
  type QosDemand,
  type QosSettings,
  qosConfigs,
  raisedTo,
  sameDemand,
} from './rules/qosTiers.ts';

/** What the writer of these cgroups works with. */
export interface QosCgroupsOptions {
  readonly driver: Pick<Driver, 'apply'>;
  /** The cgroup of all Pods. */
  readonly node: CgroupName;
  readonly settings: QosSettings;
  readonly hugePageSizes: readonly number[];
  /** Bytes that are used in a cgroup. */
  readonly memoryUsage: (name: CgroupName) => Promise<number>;
}

/** Writes what the QoS classes' cgroups are limited by, as Pods' requests change. */
export function qosCgroups({
  driver,
  node,
  settings,
  hugePageSizes,
  memoryUsage,
}: QosCgroupsOptions): LatestValue<QosDemand> {
  const write = async ({ Guaranteed, Burstable, BestEffort }: QosConfigs) => {
    if (Guaranteed) await driver.apply(node, Guaranteed);
    await driver.apply(qosCgroup(node, 'Burstable'), Burstable);
    await driver.apply(qosCgroup(node, 'BestEffort'), BestEffort);
  };
  return new LatestValue<QosDemand>(async (demand) => {
    const configs = qosConfigs(demand, settings, hugePageSizes);
    if (configs.Burstable.memory === undefined) return write(configs);
    try {
      await write(configs);
    } catch {
      // More may be used than a class may have from now on (cgroup v1: EBUSY). What else is wrong shows at the second attempt.
      const [burstable, bestEffort] = await Promise.all([
        memoryUsage(qosCgroup(node, 'Burstable')),
        memoryUsage(qosCgroup(node, 'BestEffort')),
      ]);
      await write(raisedTo(configs, { Burstable: burstable, BestEffort: bestEffort }));
    }
  }, sameDemand);
}
