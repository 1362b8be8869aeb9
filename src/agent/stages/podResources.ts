import type { MemoryHolding } from '../../devices/podResources/rules/answers.ts';
import { servePodResources } from '../../devices/podResources/server.ts';
import type { Managers } from '../../ledger/managers/managers.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { DynamicResource } from '../../plugins/generated/podResources/podResourcesV1.ts';
import type { ClaimGrant } from '../../types/grant.ts';
import type { Container, Pod } from '../../types/k8s.ts';
import { podResourcesMetrics } from '../metrics/deviceMetrics.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';

/** Opens the socket on which monitoring agents ask who has which device. That it cannot be opened is said, and holds nothing up. */
export async function openPodResources(
  base: Base,
  { devices, managers, claims }: NodeStage,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { rootDir, table, clock, log, metrics, loaded } = base;
  try {
    const server = await servePodResources({
      ...{ rootDir, table, clock, book: devices.book },
      activeOnly: loaded.gates.enabled('KubeletPodResourcesListUseActivePods'),
      ...podResourcesMetrics(metrics.metrics),
      others: {
        cpus: (uid, container) => managers.grant(uid, container).cpus,
        claims: (pod, name) =>
          containersOf(pod, name).flatMap((one) => claims.held.claimsOf(pod, one).map(dynamicResource)),
        memory: (uid, container) => managers.memoryBlocks(uid, container).map(memoryHolding),
        allocatableCpus: () => managers.allocatableCpus(),
        allocatableMemory: () => managers.allocatableMemory().map(memoryHolding),
      },
    });
    stack.use(server);
  } catch (error) {
    log.error('The podresources socket could not be opened; nobody can ask there which container has which device', {
      error: errorMessage(error),
    });
  }
}

function containersOf({ spec }: Pod, name: string): readonly Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].filter((one) => one.name === name);
}

/** As kubelet tells it: with each device of a driver stand the CDI devices of those before it, too. */
function dynamicResource({ namespace, name, devices }: ClaimGrant): DynamicResource {
  const claimResources = devices.map(({ driver, pool, device, shareId }, i) => ({
    cdiDevices: devices
      .slice(0, i + 1)
      .filter((one) => one.driver === driver)
      .flatMap(({ cdiDeviceIds }) => cdiDeviceIds.map((id) => ({ name: id }))),
    driverName: driver,
    poolName: pool,
    deviceName: device,
    ...(shareId !== undefined && { shareId }),
  }));
  return { claimName: name, claimNamespace: namespace, claimResources };
}

function memoryHolding({ nodes, kind, size }: ReturnType<Managers['memoryBlocks']>[number]): MemoryHolding {
  return { type: kind, bytes: size, nodes };
}
