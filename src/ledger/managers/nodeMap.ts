import { formatCpuList, without } from '../../k8s/cpuList.ts';
import { formatQuantity, quantityOf } from '../../k8s/quantity.ts';
import { allExclusive } from '../rules/cpus/cpuState.ts';
import { cpusIn, cpuTopology } from '../rules/topology/nodeTopology.ts';
import type { Managers } from './managers.ts';

/** Where the machine's CPUs and memory are and who has them alone; for `kubelet-ts why node`, as JSON and as text. */
export interface NodeMap {
  readonly cpuManagerPolicy: string;
  readonly memoryManagerPolicy: string;
  readonly topologyManagerPolicy: string;
  /** Lists in the kernel's form; empty where nothing divides the CPUs. */
  readonly sharedCpus: string;
  readonly reservedCpus: string;
  readonly nodes: readonly {
    readonly id: number;
    readonly cpus: string;
    readonly sharedCpus: string;
    /** Bytes, as quantities. */
    readonly memory: readonly {
      readonly kind: string;
      readonly total: string;
      readonly given: string;
      readonly free: string;
    }[];
  }[];
  readonly holders: readonly {
    readonly pod: string;
    readonly container: string;
    readonly cpus: string;
    readonly memoryNodes: string;
  }[];
  /** Pods that have CPUs as a whole, which their containers divide. */
  readonly wholePods: readonly { readonly pod: string; readonly cpus: string }[];
}

/** `nameOf`: a Pod as people call it; it may be gone. */
export function nodeMap(managers: Managers, nameOf: (uid: string) => string): NodeMap {
  const { settings, policy, cpus, memory, topology } = managers.snapshot();
  const seen = topology && cpuTopology(topology);
  const exclusive = allExclusive(cpus);
  const holders = new Set<string>();
  for (const [uid, of] of [...cpus.exclusive, ...memory.blocks])
    for (const name of of.keys()) holders.add(`${uid}/${name}`);
  const bytes = (n: bigint) => formatQuantity(quantityOf(n, 'BinarySI'));
  return {
    ...settings,
    sharedCpus: formatCpuList(cpus.shared),
    reservedCpus: formatCpuList(policy?.reserved ?? []),
    nodes: (topology?.nodes ?? []).map(({ id }) => {
      const own = seen ? cpusIn(seen, 'numa', [id]) : [];
      const tables = [...(memory.machine.get(id)?.tables ?? [])];
      return {
        id,
        cpus: formatCpuList(own),
        sharedCpus: policy ? formatCpuList(without(own, exclusive)) : '',
        memory: tables.map(([kind, { total, reserved, free }]) => ({
          ...{ kind, total: bytes(total), given: bytes(reserved), free: bytes(free) },
        })),
      };
    }),
    holders: [...holders].sort().map((key) => {
      const [uid = '', container = ''] = key.split('/');
      const grant = managers.grant(uid, container);
      return {
        ...{ pod: nameOf(uid), container },
        cpus: formatCpuList(grant.cpus),
        memoryNodes: formatCpuList(grant.memoryNodes),
      };
    }),
    wholePods: [...cpus.pods].map(([uid, of]) => ({ pod: nameOf(uid), cpus: formatCpuList(of) })),
  };
}

/** The map as a table. */
export function nodeMapText(map: NodeMap): string {
  const { cpuManagerPolicy, memoryManagerPolicy, topologyManagerPolicy } = map;
  const lines = [
    `CPU manager ${cpuManagerPolicy}, memory manager ${memoryManagerPolicy}, topology manager ${topologyManagerPolicy}.`,
  ];
  if (map.nodes.length === 0) lines.push('Nothing divides the CPUs and memory of this machine.');
  if (map.sharedCpus !== '') lines.push(`Shared CPUs: ${map.sharedCpus}; never given alone: ${map.reservedCpus}.`);
  for (const { id, cpus, sharedCpus, memory } of map.nodes) {
    const shared = sharedCpus === '' ? '' : ` (shared ${sharedCpus})`;
    const kinds = memory.map(({ kind, total, given, free }) => `; ${kind} ${total}: ${given} given, ${free} free`);
    lines.push(`NUMA node ${id}: CPUs ${cpus}${shared}${kinds.join('')}`);
  }
  for (const { pod, cpus } of map.wholePods) lines.push(`Pod ${pod} as a whole: CPUs ${cpus}`);
  for (const { pod, container, cpus, memoryNodes } of map.holders) {
    const parts = [cpus && `CPUs ${cpus}`, memoryNodes && `memory of NUMA node ${memoryNodes}`].filter(Boolean);
    lines.push(`Pod ${pod}, container ${container}: ${parts.join(', ')}`);
  }
  return `${lines.join('\n')}\n`;
}
