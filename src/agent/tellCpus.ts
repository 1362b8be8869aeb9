import { formatCpuList } from '../k8s/cpuList.ts';
import type { Managers } from '../ledger/managers/managers.ts';
import type { CpuFact } from '../pods/facts.ts';
import type { PodTable } from '../pods/table.ts';
import type { Placement } from '../podworker/actions/services.ts';

/**
 * Tells every Pod on which CPUs its containers are to run, whenever somebody was given some or gave them back. Without a policy that
 * divides them nobody is told anything.
 */
export function tellCpus(managers: Managers, table: PodTable): Disposable {
  const tell = (uid: string) => table.learn(uid, { kind: 'cpus', cpus: cpuFact(managers, uid) });
  const stack = new DisposableStack();
  stack.use(
    managers.onChange(() => {
      for (const { uid } of table.all()) tell(uid);
    }),
  );
  // The ledger's answer comes before anything of the Pod runs, and for Pods that run already at each start.
  stack.use(managers.onTaken((uid) => tell(uid)));
  stack.use(table.onEnded((uid) => managers.release(uid)));
  return stack;
}

function cpuFact(managers: Managers, uid: string): CpuFact {
  const own = managers.snapshot().cpus.exclusive.get(uid) ?? new Map<string, readonly number[]>();
  const memory = [...(managers.snapshot().memory.blocks.get(uid)?.keys() ?? [])].flatMap((name) => {
    const { memoryNodes } = managers.grant(uid, name);
    return memoryNodes.length > 0 ? [[name, formatCpuList(memoryNodes)]] : [];
  });
  const pooled = managers.pooled(uid);
  return {
    shared: formatCpuList(managers.sharedCpus),
    own: Object.fromEntries([...own].map(([name, cpus]) => [name, formatCpuList(cpus)])),
    ...(pooled.length > 0 && { pooled }),
    ...(memory.length > 0 && { memory: Object.fromEntries(memory) }),
  };
}

/** Where the requests to the runtime put containers. */
export function placementOf(managers: Managers): Placement {
  return {
    of(uid, container) {
      const { cpus, memoryNodes } = managers.grant(uid, container);
      const mems = memoryNodes.join(',');
      return { cpusetCpus: formatCpuList(cpus.length > 0 ? cpus : managers.sharedCpus), cpusetMems: mems };
    },
    unthrottled: (uid, container) => managers.unthrottled(uid, container),
    starting: (pod, container) => managers.starting(pod, container),
  };
}
