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

/** What the kubelet asks for in every container: all of its processes go when one is out of memory, and none is swapped. */
const always = { 'memory.oom.group': '1', 'memory.swap.max': '0' };

/** cpu.weight of a slice: the straight line of KEP-2254 from shares; of a scope: the curve that runc has bent it to since 1.3.2. */
export const qosCases: readonly QosCase[] = [
  {
    name: 'guaranteed',
    resources: { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '250m', memory: '64Mi' } },
    parents: ['kubepods.slice'],
    pod: { 'cpu.max': '25000 100000', 'memory.max': String(64 * MiB), 'cpu.weight': '10', 'pids.max': 'max' },
    container: { ...always, 'cpu.max': '25000 100000', 'memory.max': String(64 * MiB), 'cpu.weight': '35' },
  },
  {
    name: 'burstable',
    resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '505m', memory: '96Mi' } },
    parents: ['kubepods.slice', 'kubepods-burstable.slice'],
    // systemd keeps whole percents of a core.
    pod: { 'cpu.max': '51000 100000', 'memory.max': String(96 * MiB), 'cpu.weight': '4', 'pids.max': 'max' },
    container: { ...always, 'cpu.max': '51000 100000', 'memory.max': String(96 * MiB), 'cpu.weight': '17' },
  },
  {
    name: 'besteffort',
    resources: {},
    parents: ['kubepods.slice', 'kubepods-besteffort.slice'],
    pod: { 'cpu.max': 'max 100000', 'memory.max': 'max', 'cpu.weight': '1', 'pids.max': 'max' },
    container: { ...always, 'cpu.max': 'max 100000', 'memory.max': 'max', 'cpu.weight': '1' },
  },
];

/** The name of a Pod's slice. */
export function sliceOf(of: QosCase, pod: Pod): string {
  const parent = of.parents.at(-1)!.slice(0, -'.slice'.length);
  return `${parent}-pod${pod.metadata?.uid?.replaceAll('-', '_')}.slice`;
}

/** What of a Pod's limits is not as it has to be; undefined if all is. */
export async function limitProblem(node: VmNode, of: QosCase, pod: Pod): Promise<string | undefined> {
  const slice = sliceOf(of, pod);
  const path = [...of.parents, slice].join('/');
  const id = pod.status?.containerStatuses?.[0]?.containerID?.replace(/^.*\/\//, '');
  const problem = await fileProblem(node, {
    [path]: of.pod,
    [`${path}/cri-containerd-${id}.scope`]: of.container,
  });
  const active = (await node.run(`systemctl show -P ActiveState ${slice}`)).trim();
  return active === 'active' ? problem : `systemd says that ${slice} is ${active}; ${problem}`;
}

/** What the VM's configuration keeps from Pods (hack/vm/seed.ts); it has one processor. */
const reserved = { milliCPU: 100, memory: 256 * MiB, pids: 5000 };

/** As limitProblem, of the cgroups above Pods and beside them. */
export async function nodeLimitProblem(node: VmNode): Promise<string | undefined> {
  const memory = Number(await node.run("awk '/MemTotal/ { print $2 * 1024 }' /proc/meminfo"));
  const pids = Number(await node.run('cat /proc/sys/kernel/pid_max'));
  const shares = Math.floor(((1000 - reserved.milliCPU) * 1024) / 1000);
  return fileProblem(node, {
    'kubepods.slice': {
      'memory.max': String(memory - reserved.memory),
      'cpu.weight': String(1 + Math.floor(((shares - 2) * 9999) / 262_142)),
      'pids.max': String(pids - reserved.pids),
    },
    'system.slice': { 'pids.max': String(reserved.pids), 'memory.max': 'max' },
    // The one Burstable Pod asks for 100m.
    'kubepods.slice/kubepods-burstable.slice': { 'cpu.weight': '4', 'memory.max': 'max' },
    'kubepods.slice/kubepods-besteffort.slice': { 'cpu.weight': '1', 'memory.max': 'max' },
  });
}

/** Control files by cgroup whose contents are not the wanted ones. */
async function fileProblem(
  node: VmNode,
  wanted: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<string | undefined> {
  const files = Object.entries(wanted).flatMap(([path, contents]) =>
    Object.entries(contents).map(([file, value]) => [`/sys/fs/cgroup/${path}/${file}`, value] as const),
  );
  const paths = files.map(([file]) => file).join(' ');
  // By the shell alone: an emulated fork takes a tenth of a second.
  const found = (await node.run(`for f in ${paths}; do l=; read -r l < $f; echo "$l"; done`)).split('\n');
  const wrong = files.flatMap(([file, value], index) =>
    found[index] === value ? [] : [`${file} is ${found[index]} instead of ${value}`],
  );
  return wrong.length > 0 ? wrong.join('; ') : undefined;
}
