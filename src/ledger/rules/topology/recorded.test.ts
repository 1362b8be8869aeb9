import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { formatCpuList, parseCpuList } from '../../../k8s/cpuList.ts';
import { cpuCheckpoint, memoryCheckpoint } from '../../../k8s/kubeletCheckpoints.ts';
import type { Container, StoredPod } from '../../../types/k8s.ts';
import { toCpuFile } from '../cpus/cpuFile.ts';
import {
  allExclusive,
  type CpuState,
  checkCpuState,
  exclusiveCpus,
  NO_CPU_STATE,
  returnCpus,
} from '../cpus/cpuState.ts';
import { cpuManagerPolicy } from '../cpus/settings.ts';
import { CpuAllocation, type StaticCpuPolicy } from '../cpus/staticPolicy.ts';
import { checkMemoryState } from '../memory/checkState.ts';
import { toMemoryFile } from '../memory/memoryFile.ts';
import {
  blocksOf,
  emptyMachine,
  type MemoryState,
  NO_MEMORY_STATE,
  type ReservedMemory,
  returnMemory,
} from '../memory/memoryState.ts';
import { reservedMemory } from '../memory/reserved.ts';
import { startMainContainer } from '../memory/started.ts';
import { MemoryAllocation } from '../memory/staticPolicy.ts';
import { wantsOf } from '../wants.ts';
import { admitByTopology, type TopologySettings } from './admit.ts';
import { containersOf } from './containers.ts';
import { type Core, cpuTopology, type NodeTopology } from './nodeTopology.ts';
import { parseTopologyOptions, topologySettings } from './settings.ts';

// hack/topology/record.go has the meaning of these names, and made the data with the Go kubelet's own managers.
interface Machine {
  readonly s: number;
  readonly n: number;
  readonly p?: number;
  readonly c: number;
  readonly t: number;
  readonly u?: number;
  readonly f?: boolean;
  readonly g: number;
  readonly m: number;
  readonly d?: number;
  readonly h?: number;
  readonly i?: number;
  readonly o?: readonly number[];
}
interface Setup {
  readonly c?: boolean;
  readonly o?: Readonly<Record<string, string>>;
  readonly r?: number;
  readonly s?: string;
  readonly m?: readonly number[];
  readonly p: string;
  readonly q: string;
  readonly t?: Readonly<Record<string, string>>;
}
interface Step {
  readonly a?: readonly (readonly [kind: number, cpu: number, memory: number, huge2Mi: number, huge1Gi: number])[];
  readonly w?: readonly [cpu: number, memory: number, huge2Mi: number, huge1Gi: number];
  readonly b?: boolean;
  readonly r?: number;
  readonly s?: number;
  readonly k?: boolean;
  readonly e?: string;
  readonly x?: readonly string[];
}
interface Recorded {
  readonly m: Machine;
  readonly c: Setup;
  readonly e?: string;
  readonly s?: readonly Step[];
  readonly d?: string;
  readonly n?: string;
  readonly z?: readonly number[];
}

const MI = 1024n * 1024n;
const GI = 1024n * MI;

function machineOf(m: Machine): NodeTopology {
  const perSocket = m.p ? 1 : m.n;
  const count = m.p ? Math.floor(m.s / m.p) : m.s * m.n;
  const cores: Core[][] = Array.from({ length: count }, () => []);
  const total = m.s * perSocket * m.c;
  for (let k = 0; k < total; k++) {
    const socket = Math.floor(k / (perSocket * m.c));
    const threads = Array.from({ length: m.t }, (_, t) => (m.f ? t * total + k : k * m.t + t));
    const online = threads.filter((cpu) => !m.o?.includes(cpu));
    const uncoreCache = m.u ? Math.floor(k / m.u) : undefined;
    const node = m.p ? Math.floor(socket / m.p) : Math.floor(k / m.c);
    if (online.length > 0) cores[node]!.push({ socket, threads: online, uncoreCache });
  }
  const distance = (i: number, j: number) => (i === j ? 10 : 10 + ((i * j * 7 + (i + j) * 3) % 22));
  return {
    sockets: m.s,
    nodes: cores.map((of, i) => ({
      id: i * m.g,
      memory: BigInt(m.m + i * (m.d ?? 0)) * GI,
      hugePages: [
        ...(m.h ? [{ pageKiB: 2048, pages: m.h }] : []),
        ...(m.i ? [{ pageKiB: 1024 * 1024, pages: m.i }] : []),
      ],
      distances: cores.map((_, j) => distance(i, j)),
      cores: of,
    })),
  };
}

function podOf(index: number, step: Step): StoredPod {
  const spec: { initContainers: Container[]; containers: Container[] } = { initContainers: [], containers: [] };
  const amounts = ([cpu, memory, huge2Mi, huge1Gi]: NonNullable<Step['w']>) => ({
    ...(cpu > 0 && { cpu: `${cpu}m` }),
    ...(memory > 0 && { memory: `${memory}Mi` }),
    ...(huge2Mi > 0 && { 'hugepages-2Mi': `${huge2Mi}Mi` }),
    ...(huge1Gi > 0 && { 'hugepages-1Gi': `${huge1Gi}Gi` }),
  });
  for (const [i, [kind, ...asked]] of step.a!.entries()) {
    const list = amounts(asked);
    const resources = step.b ? { requests: list } : { requests: list, limits: list };
    const container: Container = { name: `c${i}`, resources, ...(kind === 1 && { restartPolicy: 'Always' }) };
    (kind === 2 ? spec.containers : spec.initContainers).push(container);
  }
  const whole = step.w && { resources: { requests: amounts(step.w), limits: amounts(step.w) } };
  return { metadata: { uid: `p${index}`, name: 'p', namespace: 'd' }, spec: { ...spec, ...whole } };
}

/** Our rules in the place of Go's managers. */
class Managers {
  readonly #cpus: StaticCpuPolicy | null;
  readonly #memory: ReservedMemory | null;
  readonly #topology: TopologySettings;
  readonly #machine: NodeTopology;
  readonly podLevel: boolean;
  cpus: CpuState = NO_CPU_STATE;
  memory: MemoryState = NO_MEMORY_STATE;

  /** `podLevel`: the feature gate PodLevelResourceManagers. */
  constructor(machine: NodeTopology, setup: Setup, podLevel: boolean) {
    this.podLevel = podLevel;
    this.#machine = machine;
    const options = parseTopologyOptions(setup.t ?? {});
    this.#topology = topologySettings(machine, { policy: setup.p, scope: setup.q, options });
    this.#cpus = setup.c
      ? cpuManagerPolicy(cpuTopology(machine), {
          options: setup.o ?? {},
          stages: { alpha: true, beta: true },
          reservedMilli: BigInt(setup.r ?? 0),
          reserved: parseCpuList(setup.s ?? ''),
          topologyPolicy: setup.p,
        })
      : null;
    const wanted = setup.m?.map((mi, i) => ({ numaNode: machine.nodes[i]!.id, limits: { memory: `${mi}Mi` } }));
    const total = (setup.m ?? []).reduce((sum, mi) => sum + BigInt(mi), 0n) * MI;
    this.#memory = wanted ? reservedMemory(machine, wanted, { memory: total }) : null;
    this.restart();
  }

  restart(): void {
    if (this.#cpus) {
      const { topology, reserved, options } = this.#cpus;
      this.cpus = checkCpuState(this.cpus, { all: topology.cpus, reserved, strict: options.strictReservation });
    }
    if (this.#memory) this.memory = checkMemoryState(this.memory, emptyMachine(this.#machine, this.#memory));
  }

  admit(pod: StoredPod): string | undefined {
    const wants = wantsOf(pod, this.podLevel);
    const cpus = this.#cpus ? new CpuAllocation(this.#cpus, this.cpus, pod, wants) : undefined;
    const memory = this.#memory ? new MemoryAllocation(this.memory, pod, wants) : undefined;
    const providers = [cpus, memory].filter((one) => one !== undefined);
    const { rejection } = admitByTopology(pod, this.#topology, providers, wants.asPod);
    // Go leaves what a refused Pod's first containers were given, and takes it back later: not all is as before then.
    this.memory = memory?.state ?? this.memory;
    if (rejection) this.remove(pod);
    else this.cpus = cpus?.state ?? this.cpus;
    return rejection && `${rejection.reason}: ${rejection.message}`;
  }

  remove({ metadata: { uid } }: StoredPod): void {
    this.cpus = returnCpus(this.cpus, uid);
    this.memory = returnMemory(this.memory, uid);
  }

  start(pod: StoredPod): void {
    for (const { name } of pod.spec.containers) this.memory = startMainContainer(this.memory, pod, name);
  }

  grants(pod: StoredPod): string[] {
    const { uid } = pod.metadata;
    return containersOf(pod).map(({ name }) => {
      const blocks = [...(blocksOf(this.memory, uid, name) ?? [])].sort((a, b) => (a.kind > b.kind ? -1 : 1));
      const memory = blocks.map(({ size, nodes }) => ` ${size / MI}@${formatCpuList(nodes)}`);
      return formatCpuList(exclusiveCpus(this.cpus, uid, name) ?? []) + memory.join('');
    });
  }

  numa(): string {
    const kinds = ['memory', 'hugepages-2Mi', 'hugepages-1Gi'];
    const sum = (cells: readonly number[], kind: string, part: 'reserved' | 'free') =>
      cells.reduce((total, cell) => total + this.memory.machine.get(cell)!.tables.get(kind)![part], 0n) / MI;
    return [...this.memory.machine]
      .map(([, { assignments, cells, tables }]) => {
        const known = kinds.filter((kind) => tables.has(kind));
        const sizes = known.map((kind) => ` ${sum(cells, kind, 'reserved')}/${sum(cells, kind, 'free')}`);
        return `${assignments} [${cells.join(' ')}]${sizes.join('')};`;
      })
      .join('');
  }

  sums(setup: Setup): number[] {
    const checksum = (text: string) => (JSON.parse(text) as { checksum: number }).checksum;
    return [
      checksum(cpuCheckpoint(this.podLevel ? 3 : 2).encode(toCpuFile(setup.c ? 'static' : 'none', this.cpus))),
      checksum(memoryCheckpoint(this.podLevel ? 2 : 1).encode(toMemoryFile(setup.m ? 'Static' : 'None', this.memory))),
    ];
  }
}

/** Takes the steps again, with our rules; the outcome in the form of the record, its keys in their order. */
function again({ m, c, s, z }: Recorded, podLevel = false): Recorded {
  let managers: Managers;
  try {
    managers = new Managers(machineOf(m), c, podLevel);
  } catch (error) {
    return { m, c, e: (error as Error).message };
  }
  const all: StoredPod[] = [];
  let admitted: StoredPod[] = [];
  const drop = (pod: StoredPod) => {
    managers.remove(pod);
    admitted = admitted.filter((one) => one !== pod);
  };
  const steps = (s ?? []).map((step): Step => {
    const { e: _, x: __, ...asked } = step;
    const outcome = (e: string | undefined, x: readonly string[]) => ({
      ...asked,
      ...(e !== undefined && { e }),
      ...(x.length > 0 && { x }),
    });
    if (step.a) {
      const pod = podOf(all.length, step);
      all.push(pod);
      const refused = managers.admit(pod);
      if (refused === undefined) admitted.push(pod);
      return outcome(refused, refused === undefined ? managers.grants(pod) : []);
    }
    if (step.r !== undefined) {
      drop(all[step.r]!);
      return outcome(undefined, []);
    }
    if (step.s !== undefined) {
      const pod = all[step.s]!;
      managers.start(pod);
      return outcome(undefined, managers.grants(pod));
    }
    try {
      managers.restart();
    } catch (error) {
      return outcome((error as Error).message, []);
    }
    const seen: string[] = [];
    for (const pod of [...admitted]) {
      const refused = managers.admit(pod);
      if (refused !== undefined) drop(pod);
      seen.push(...(refused === undefined ? managers.grants(pod) : [refused]));
    }
    return outcome(undefined, seen);
  });
  if (steps.at(-1)?.k && steps.at(-1)?.e !== undefined) return { m, c, s: steps };
  const cpus = formatCpuList(managers.cpus.shared);
  const numa = managers.numa();
  const [cpuSum, memorySum] = managers.sums(c);
  return {
    ...{ m, c, s: steps },
    ...(cpus !== '' && { d: cpus }),
    ...(numa !== '' && { n: numa }),
    // Where Go has no one order, there is no one checksum.
    z: [cpuSum!, z?.[1] === 0 ? 0 : memorySum!],
  };
}

const read = (file: string) =>
  gunzipSync(readFileSync(join(import.meta.dirname, '../../../../hack/topology', file)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recorded);
const records = read('recorded.jsonl.gz');
const ofPods = read('recordedPods.jsonl.gz');

test('the data is what it is said to be: many machines, each outcome often', () => {
  const texts = records.flatMap(({ e, s }) => [e, ...(s ?? []).map((step) => step.e)]).filter((e) => e !== undefined);
  const having = (part: string) => texts.filter((text) => text.includes(part)).length;
  expect(records).toHaveLength(10_000);
  for (const part of ['TopologyAffinityError', 'SMTAlignmentError', 'not enough cpus', 'default NUMA affinity']) {
    expect([part, having(part)]).toEqual([part, expect.any(Number)]);
    expect(having(part)).toBeGreaterThan(100);
  }
  expect(records.filter(({ s }) => s?.some(({ k }) => k)).length).toBeGreaterThan(1000);
  expect(records.filter(({ m }) => m.s * m.n >= 4).length).toBeGreaterThan(1000);
});

test('10,000 machines: CPUs, memory and refusals are those of the Go kubelet', () => {
  const wrong = records.flatMap((record, i) => {
    const ours = again(record);
    return textOf(ours) === textOf(record) ? [] : [{ i, go: record, ours }];
  });
  // One says enough.
  expect([wrong.length, wrong[0]?.ours]).toEqual([0, wrong[0]?.go]);
});

test('3,000 machines whose Pods have resources as a whole: what containers have alone and share, and refusals, are Go’s', () => {
  expect(ofPods).toHaveLength(3000);
  const wrong = ofPods.flatMap((record, i) => {
    const ours = again(record, true);
    return textOf(ours) === textOf(record) ? [] : [{ i, go: record, ours }];
  });
  expect([wrong.length, wrong[0]?.ours]).toEqual([0, wrong[0]?.go]);
  const texts = ofPods.flatMap(({ s }) => (s ?? []).flatMap(({ e }) => e ?? []));
  for (const part of ['EmptyPodSharedPoolError', 'under pod-scope', 'with a container-level', 'SMTAlignmentError'])
    expect([part, texts.filter((text) => text.includes(part)).length > 50]).toEqual([part, true]);
});

test('no CPU is given twice, none is lost, none that is reserved is given', () => {
  for (const record of records.slice(0, 500)) {
    const machine = machineOf(record.m);
    let managers: Managers;
    try {
      managers = new Managers(machine, record.c, false);
    } catch {
      continue;
    }
    const all = [...managers.cpus.shared];
    for (const [i, step] of (record.s ?? []).entries()) {
      if (!step.a) continue;
      managers.admit(podOf(i, step));
      const exclusive = allExclusive(managers.cpus);
      expect([...managers.cpus.shared, ...exclusive].sort((a, b) => a - b)).toEqual(all);
    }
  }
});

/** Of several CPUs that are not there, and of several kinds of memory that leave nothing, Go names any. */
function textOf(record: Recorded): string {
  return JSON.stringify(record)
    .replace(/unknown CPU ID: \d+/, 'unknown CPU ID')
    .replaceAll(/exclusive container (?:memory|hugepages-\w+) requests/g, 'exclusive container requests')
    .replaceAll(/but no (?:memory|hugepages-\w+) available/g, 'but nothing available');
}
