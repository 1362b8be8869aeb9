import type { KubeletConfiguration } from '../config/kubeletConfiguration.ts';
import type { NodeEvent } from '../events/event.ts';
import { amountsOf } from '../k8s/resourceAmounts.ts';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import type { CgroupManager } from './contract.ts';
import { parseCgroup } from './rules/names.ts';
import { reservedConfig } from './rules/nodeConfig.ts';

type Enforced = Pick<
  KubeletConfiguration,
  'enforceNodeAllocatable' | 'systemReserved' | 'systemReservedCgroup' | 'kubeReserved' | 'kubeReservedCgroup'
>;

/**
 * Holds the cgroups of system and Kubernetes daemons to what is reserved for them, as far as enforceNodeAllocatable asks for it. They
 * are the administrator's to make: rejects with a sentence when one does not exist or cannot be limited so.
 */
export async function enforceReserved(
  config: Enforced,
  manager: Pick<CgroupManager, 'driver' | 'apply' | 'qos'>,
  record: (event: NodeEvent) => void,
): Promise<void> {
  for (const kind of ['system', 'kube'] as const) {
    const compressible = config.enforceNodeAllocatable.includes(`${kind}-reserved-compressible`);
    if (!compressible && !config.enforceNodeAllocatable.includes(`${kind}-reserved`)) continue;
    const path = config[`${kind}ReservedCgroup`];
    const plain = reservedConfig(amountsOf(config[`${kind}Reserved`]), compressible);
    // With MemoryQoS all of it is kept for the daemons.
    const isKept = manager.qos.tieredReservation !== undefined && plain.memory !== undefined;
    const limits = isKept ? { ...plain, protection: { min: plain.memory } } : plain;
    try {
      await manager.apply(parseCgroup(path, manager.driver), limits);
    } catch (error) {
      const hint = errnoCode(error) === 'ENOENT' ? '; make the cgroup before the kubelet starts' : '';
      const problem = `cannot enforce ${kind}Reserved on ${kind}ReservedCgroup ${path}: ${errorMessage(error)}${hint}`;
      throw new KubeletError(problem, { code: 'Cgroup', cause: error });
    }
    const message = `Updated limits on ${kind} reserved cgroup ${path}`;
    record({ type: 'Normal', reason: 'NodeAllocatableEnforced', message });
  }
}
