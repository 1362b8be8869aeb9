import { Listeners } from '../../lib/disposables.ts';
import type { Logger } from '../../lib/logger.ts';
import { type ContainerGrant, NO_GRANT } from '../../types/grant.ts';
import type { StoredPod } from '../../types/k8s.ts';
import { type CpuState, exclusiveCpus, returnCpus } from '../rules/cpus/cpuState.ts';
import { CpuAllocation, type StaticCpuPolicy } from '../rules/cpus/staticPolicy.ts';
import {
  blocksOf,
  type MemoryBlock,
  type MemoryState,
  memoryNodes,
  returnMemory,
} from '../rules/memory/memoryState.ts';
import { startMainContainer } from '../rules/memory/started.ts';
import { MemoryAllocation } from '../rules/memory/staticPolicy.ts';
import { admitByTopology, givesToPods } from '../rules/topology/admit.ts';
import { containersOf } from '../rules/topology/containers.ts';
import type { DeviceProviders, Hint, HintProvider } from '../rules/topology/hints.ts';
import { holdsAll } from '../rules/topology/holds.ts';
import type { NodeTopology } from '../rules/topology/nodeTopology.ts';
import { nodesOf } from '../rules/topology/numaMask.ts';
import { type Wants, wantsOf } from '../rules/wants.ts';
import type { ContainerAffinity, Rejection } from '../types.ts';
import { countAdmission } from './count.ts';
import type { ManagerCounters } from './counters.ts';
import { ManagerStates } from './managerStates.ts';
import { type ManagerPolicies, managerPolicies } from './policies.ts';
import type { ManagerGates, ManagerSettings, Reservation } from './settings.ts';
import type { FindContainers } from './stateFiles.ts';

/** What the managers are made with. */
export interface ManagersOptions {
  readonly settings: ManagerSettings;
  readonly gates: ManagerGates;
  readonly reservation: Reservation;
  /** null where no manager does anything: then it need not be known. */
  readonly topology: NodeTopology | null;
  readonly rootDir: string;
  readonly log: Logger;
  readonly counters: ManagerCounters;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly find: FindContainers;
  /** Who gives devices; they are held by the ledger, and only hinted at here. */
  readonly devices?: DeviceProviders;
}

/** What was decided of one Pod, and from which states: as long as these hold, it is not decided again. */
interface Considered {
  readonly pod: StoredPod;
  readonly from: readonly [CpuState, MemoryState];
  readonly to: readonly [CpuState, MemoryState];
  readonly rejection: Rejection | undefined;
  readonly affinities: ReadonlyMap<string, Hint>;
  readonly devices: number | undefined;
}

/**
 * The managers of CPUs, memory and topology: which containers have CPUs and memory of their own. Owned by the ledger, which asks before
 * it admits a Pod. What was given is written to kubelet's state files, and found there by the next process.
 */
export class Managers {
  readonly #options: ManagersOptions;
  readonly #policies: ManagerPolicies;
  readonly #states: ManagerStates;
  readonly #taken = new Listeners<[uid: string]>();
  readonly #sharing = new Map<string, ReadonlySet<string>>();
  #considered: Considered | undefined;
  #lastTaken: { readonly uid: string; readonly affinities: ReadonlyMap<string, Hint> } | undefined;

  private constructor(options: ManagersOptions) {
    this.#options = options;
    this.#policies = managerPolicies(options);
    this.#states = new ManagerStates(options);
  }

  /** Reads the state files. Rejects with Go's refusal when configuration, machine and files do not fit. */
  static async open(options: ManagersOptions): Promise<Managers> {
    const managers = new Managers(options);
    await managers.#states.load(managers.#policies);
    return managers;
  }

  /** Why the Pod cannot have what it asks for; undefined: it can. Nothing is given yet. */
  refuse(pod: StoredPod): Rejection | undefined {
    return this.#holds(pod) ? undefined : this.#consider(pod).rejection;
  }

  /** Gives the Pod what it asks for, if that can be; again and again harmless. */
  take(pod: StoredPod): Rejection | undefined {
    const rejection = this.#holds(pod) ? undefined : this.#give(pod);
    if (!rejection) this.#noteSharing(pod);
    if (this.#policies.cpu) this.#taken.emit(pod.metadata.uid);
    return rejection;
  }

  /** Where the devices of the Pod that `take` was called for last should lie. */
  affinity(uid: string): ContainerAffinity | undefined {
    if (this.#lastTaken?.uid !== uid) return undefined;
    const { affinities } = this.#lastTaken;
    return (container) => {
      const nodes = affinities.get(container)?.nodes ?? null;
      return nodes === null ? undefined : nodesOf(nodes);
    };
  }

  /** Takes back all that a Pod has; UIDs that have nothing are ignored. */
  release(uid: string): void {
    this.#sharing.delete(uid);
    this.#states.become(returnCpus(this.#states.cpus, uid), returnMemory(this.#states.memory, uid));
  }

  /** Every source has reported: whatever belongs to none of these Pods is free. */
  keep(uids: ReadonlySet<string>): void {
    const known = new Set([...this.#states.cpus.exclusive.keys(), ...this.#states.memory.blocks.keys()]);
    for (const uid of known) if (!uids.has(uid)) this.release(uid);
  }

  /** A container is about to start: the memory of init containers before it is free. */
  starting(pod: StoredPod, container: string): void {
    this.#states.become(this.#states.cpus, startMainContainer(this.#states.memory, pod, container));
  }

  /** Resolves when all that was given is written down; undefined: it is. */
  saved(): Promise<void> | undefined {
    return this.#states.saved();
  }

  /** Tells each change of the CPUs that are shared, or of who has which. */
  onChange(listener: () => void): Disposable {
    return this.#states.onChange(listener);
  }

  /** Tells each Pod that was given what it asked for, where CPUs are divided. */
  onTaken(listener: (uid: string) => void): Disposable {
    return this.#taken.add(listener);
  }

  /** What one container has of its own. */
  grant(uid: string, container: string): ContainerGrant {
    const cpus = exclusiveCpus(this.#states.cpus, uid, container);
    const nodes = memoryNodes(this.#states.memory, uid, container);
    return cpus || nodes.length > 0 ? { ...NO_GRANT, cpus: cpus ?? [], memoryNodes: nodes } : NO_GRANT;
  }

  /** Whether the container has CPUs of its own (of a Pod one of its containers, or all where it has them as a whole), so that it is not throttled. */
  unthrottled(uid: string, container?: string): boolean {
    const ofPod = this.#options.gates.noQuotaWithOwnCpus ? this.#states.cpus.exclusive.get(uid) : undefined;
    const sharing = this.#sharing.get(uid);
    if (container === undefined) return ofPod !== undefined && sharing === undefined;
    return ofPod?.has(container) === true && !sharing?.has(container);
  }

  /** The containers of a Pod with CPUs as a whole that share what no other one has alone. */
  pooled(uid: string): readonly string[] {
    return [...(this.#sharing.get(uid) ?? [])];
  }

  /** Which containers of a Pod with CPUs as a whole have none alone: they are throttled, and so is the Pod. */
  #noteSharing(pod: StoredPod): void {
    const wants = this.#wants(pod);
    if (!wants.asPod) return;
    const sharing = containersOf(pod).filter((container) => wants.cpus(container) === 0);
    if (sharing.length > 0) this.#sharing.set(pod.metadata.uid, new Set(sharing.map(({ name }) => name)));
  }

  /** CPUs for a container without its own; empty: any, because no policy divides them. */
  get sharedCpus(): readonly number[] {
    return this.#states.cpus.shared;
  }

  /** CPUs that containers could be given; empty without policy static. */
  allocatableCpus(): readonly number[] {
    if (!this.#policies.cpu) return [];
    const reserved = new Set(this.#policies.cpu.reserved);
    return this.#policies.cpu.topology.cpus.filter((cpu) => !reserved.has(cpu));
  }

  /** A container's blocks of memory, for podresources. */
  memoryBlocks(uid: string, container: string): readonly MemoryBlock[] {
    return blocksOf(this.#states.memory, uid, container) ?? [];
  }

  /** Memory that containers could be given, by NUMA node and kind, for podresources. */
  allocatableMemory(): readonly MemoryBlock[] {
    return [...this.#states.memory.machine].flatMap(([id, { tables }]) =>
      [...tables]
        .filter(([, { allocatable }]) => allocatable > 0n)
        .map(([kind, { allocatable }]) => ({ nodes: [id], kind, size: allocatable })),
    );
  }

  /** Everything, for `why` and metrics. */
  snapshot(): {
    readonly policy: StaticCpuPolicy | null;
    readonly cpus: CpuState;
    readonly memory: MemoryState;
    readonly topology: NodeTopology | null;
    readonly settings: Pick<ManagerSettings, 'cpuManagerPolicy' | 'memoryManagerPolicy' | 'topologyManagerPolicy'>;
  } {
    const { cpuManagerPolicy, memoryManagerPolicy, topologyManagerPolicy } = this.#options.settings;
    const settings = { cpuManagerPolicy, memoryManagerPolicy, topologyManagerPolicy };
    return {
      settings,
      policy: this.#policies.cpu,
      cpus: this.#states.cpus,
      memory: this.#states.memory,
      topology: this.#options.topology,
    };
  }

  /** A Pod that has everything from before this process is not asked again, so that no restart can refuse it. */
  #holds(pod: StoredPod): boolean {
    if (this.#options.devices?.wants(pod)) return false;
    const cpus = this.#policies.cpu && this.#states.cpus;
    const memory = this.#policies.memoryStatic ? this.#states.memory : null;
    return holdsAll(pod, this.#wants(pod), { cpus, memory, toPods: givesToPods(this.#policies.topology) });
  }

  #wants(pod: StoredPod): Wants {
    return wantsOf(pod, this.#options.gates.podLevel);
  }

  #give(pod: StoredPod): Rejection | undefined {
    const { rejection, to, affinities } = this.#consider(pod);
    this.#lastTaken = { uid: pod.metadata.uid, affinities };
    if (!rejection) this.#states.become(...to);
    return rejection;
  }

  #consider(pod: StoredPod): Considered {
    const last = this.#considered;
    const { counters, now, devices: devicesOf, topology } = this.#options;
    const devices = devicesOf?.version();
    const isSame = last?.pod === pod && last.from[0] === this.#states.cpus && last.from[1] === this.#states.memory;
    if (isSame && last.devices === devices) return last;
    const began = now();
    const wants = this.#wants(pod);
    const cpus = this.#policies.cpu && new CpuAllocation(this.#policies.cpu, this.#states.cpus, pod, wants);
    const memory = this.#policies.memoryStatic ? new MemoryAllocation(this.#states.memory, pod, wants) : null;
    const ofPlugIns = devicesOf?.provider(pod, topology?.nodes.map(({ id }) => id) ?? []) ?? null;
    const providers: HintProvider[] = [ofPlugIns, cpus, memory].filter((one) => one !== null);
    const { rejection, affinities } = admitByTopology(pod, this.#policies.topology, providers, wants.asPod);
    counters.admission(now() - began, rejection !== undefined);
    const to = [cpus?.state ?? this.#states.cpus, memory?.state ?? this.#states.memory] as const;
    countAdmission(counters, pod, wants, {
      ...{
        topology: this.#policies.topology,
        policy: this.#policies.cpu,
        memory: this.#policies.memoryStatic,
        rejection,
        affinities,
      },
      ...{ before: this.#states.cpus, after: to[0], memoryBefore: this.#states.memory },
    });
    this.#considered = { pod, from: [this.#states.cpus, this.#states.memory], to, rejection, affinities, devices };
    return this.#considered;
  }
}
