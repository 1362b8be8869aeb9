import type { MemoryHolding } from '../../devices/podResources/rules/answers.ts';
import { servePodResources } from '../../devices/podResources/server.ts';
import type { Managers } from '../../ledger/managers/managers.ts';
import { errorMessage } from '../../lib/errors.ts';
import { podResourcesMetrics } from '../metrics/deviceMetrics.ts';
import type { NodeStage } from './node.ts';
import type { Base } from './preflight.ts';

/** Opens the socket on which monitoring agents ask who has which device. That it cannot be opened is said, and holds nothing up. */
export async function openPodResources(
  base: Base,
  { devices, managers }: NodeStage,
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

function memoryHolding({ nodes, kind, size }: ReturnType<Managers['memoryBlocks']>[number]): MemoryHolding {
  return { type: kind, bytes: size, nodes };
}
