import type { Pod } from '../../src/types/k8s.ts';
import type { VmNode } from './node.ts';

/** A Pod of one QoS class and what the kernel has to hold for it. */
export interface QosCase {
  readonly name: string;
  readonly resources: object;
  /** The slices from the top, the Pod's own left out. */
  readonly parents: readonly string[];
  /** Contents of control files of the Pod's slice. */
  readonly pod: Readonly<Record<string, string>>;
  /** And of its container's scope. */
  readonly container: Readonly<Record<string, string>>;
}

const MiB = 2 ** 20;

/** cpu.weight of a slice: the straight line of KEP-2254 from shares; of a scope: runc's own curve, so not looked at. */
export const qosCases: readonly QosCase[] = [
  {
    name: 'guaranteed',
    resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '250m', memory: '64Mi' } },
    parents: ['kubepods.slice'],
    pod: { 'cpu.max': '25000 100000', 'memory.max': String(64 * MiB), 'cpu.weight': '10' },
    container: { 'cpu.max': '25000 100000', 'memory.max': String(64 * MiB) },
  },
  {
    name: 'burstable',
    resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '505m', memory: '96Mi' } },
    parents: ['kubepods.slice', 'kubepods-burstable.slice'],
    pod: { 'cpu.max': '51000 100000', 'memory.max': String(96 * MiB), 'cpu.weight': '4' },
    container: { 'memory.max': String(96 * MiB) },
  },
  {
    name: 'besteffort',
    resources: {},
    parents: ['kubepods.slice', 'kubepods-besteffort.slice'],
    pod: { 'cpu.max': 'max 100000', 'memory.max': 'max', 'cpu.weight': '1' },
    container: { 'cpu.max': 'max 100000', 'memory.max': 'max' },
  },
];

/** The name of a Pod's slice. */
export function sliceOf(of: QosCase, pod: Pod): string {
  const parent = of.parents.at(-1)!.slice(0, -'.slice'.length);
  return `${parent}-pod${pod.metadata?.uid?.replaceAll('-', '_')}.slice`;
}

/** What of the limits is not as it has to be; undefined if all is. */
export async function limitProblem(node: VmNode, of: QosCase, pod: Pod): Promise<string | undefined> {
  const slice = sliceOf(of, pod);
  const path = `/sys/fs/cgroup/${[...of.parents, slice].join('/')}`;
  const id = pod.status?.containerStatuses?.[0]?.containerID?.replace(/^.*\/\//, '');
  const scope = `${path}/cri-containerd-${id}.scope`;
  const wanted = [
    ...Object.entries(of.pod).map(([file, value]) => [`${path}/${file}`, value] as const),
    ...Object.entries(of.container).map(([file, value]) => [`${scope}/${file}`, value] as const),
  ];
  const files = wanted.map(([file]) => file).join(' ');
  const found = (await node.run(`for f in ${files}; do cat $f; done`)).trim().split('\n');
  const wrong = wanted.flatMap(([file, value], index) =>
    found[index] === value ? [] : [`${file} is ${found[index]} instead of ${value}`],
  );
  const active = (await node.run(`systemctl show -P ActiveState ${slice}`)).trim();
  if (active !== 'active') wrong.push(`systemd says that ${slice} is ${active}`);
  return wrong.length > 0 ? wrong.join('; ') : undefined;
}
