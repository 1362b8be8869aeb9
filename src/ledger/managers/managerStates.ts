import { Listeners } from '../../lib/disposables.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { type CpuState, checkCpuState, NO_CPU_STATE } from '../rules/cpus/cpuState.ts';
import { checkMemoryState } from '../rules/memory/checkState.ts';
import { emptyMachine, type MachineMemory, type MemoryState, NO_MEMORY_STATE } from '../rules/memory/memoryState.ts';
import { reservedMemory } from '../rules/memory/reserved.ts';
import type { NodeTopology } from '../rules/topology/nodeTopology.ts';
import type { ManagerPolicies } from './policies.ts';
import type { ManagerGates, ManagerSettings, Reservation } from './settings.ts';
import { cpuStateFile, type FindContainers, memoryStateFile, type StateFile } from './stateFiles.ts';

/** Where the states are kept, and what of the machine they must fit. */
export interface ManagerStatesOptions {
  readonly settings: ManagerSettings;
  readonly gates: ManagerGates;
  readonly reservation: Reservation;
  readonly topology: NodeTopology | null;
  readonly rootDir: string;
  readonly log: Logger;
  readonly find: FindContainers;
}

/** Who has which CPUs and memory: the states of the two managers, written down in kubelet's files whenever they change. */
export class ManagerStates {
  readonly #options: ManagerStatesOptions;
  readonly #cpuFile: StateFile<CpuState>;
  readonly #memoryFile: StateFile<MemoryState>;
  readonly #changed = new Listeners<[]>();
  #cpus: CpuState = NO_CPU_STATE;
  #memory: MemoryState = NO_MEMORY_STATE;
  #dirty = false;
  #writing: Promise<void> | undefined;

  constructor(options: ManagerStatesOptions) {
    const { settings, gates, rootDir, find } = options;
    this.#options = options;
    this.#cpuFile = cpuStateFile(rootDir, settings.cpuManagerPolicy, find, gates.podLevel);
    this.#memoryFile = memoryStateFile(rootDir, settings.memoryManagerPolicy, gates.podLevel);
  }

  get cpus(): CpuState {
    return this.#cpus;
  }

  get memory(): MemoryState {
    return this.#memory;
  }

  /** Reads the state files; to be called first. Rejects with Go's refusal when configuration, machine and files do not fit. */
  async load({ cpu, memoryStatic }: ManagerPolicies): Promise<void> {
    const { settings, topology, reservation } = this.#options;
    let empty: MachineMemory | undefined;
    if (memoryStatic && topology) {
      const total = { memory: reservation.memory };
      empty = emptyMachine(topology, reservedMemory(topology, settings.reservedMemory, total));
    }
    const [cpus, memory] = await Promise.all([this.#cpuFile.load(), this.#memoryFile.load()]);
    this.#cpus = cpus ?? NO_CPU_STATE;
    this.#memory = memory ?? NO_MEMORY_STATE;
    if (cpu) {
      const { topology: known, reserved, options } = cpu;
      this.#cpus = checkCpuState(this.#cpus, { all: known.cpus, reserved, strict: options.strictReservation });
    }
    if (empty) this.#memory = checkMemoryState(this.#memory, empty);
    if (cpus !== this.#cpus || memory !== this.#memory) this.#save();
    await this.saved();
  }

  /** Takes the states that follow; the same ones change nothing. */
  become(cpus: CpuState, memory: MemoryState): void {
    if (cpus === this.#cpus && memory === this.#memory) return;
    const others = cpus !== this.#cpus;
    this.#cpus = cpus;
    this.#memory = memory;
    this.#save();
    if (others) this.#changed.emit();
  }

  /** Resolves when all of it is written down; undefined: it is. Rejects never. */
  saved(): Promise<void> | undefined {
    return this.#writing;
  }

  /** Tells each change of who has which CPUs. */
  onChange(listener: () => void): Disposable {
    return this.#changed.add(listener);
  }

  #save(): void {
    this.#dirty = true;
    this.#writing ??= this.#write();
  }

  /** Writes until nothing has changed meanwhile. As in the Go kubelet, a file that cannot be written ends nothing. */
  async #write(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false;
      const writes = [this.#cpuFile.save(this.#cpus), this.#memoryFile.save(this.#memory)];
      for (const [i, result] of (await Promise.allSettled(writes)).entries()) {
        if (result.status === 'fulfilled') continue;
        const { path } = i === 0 ? this.#cpuFile : this.#memoryFile;
        this.#options.log.error('Failed to save checkpoint', { path, error: errorMessage(result.reason) });
      }
    }
    this.#writing = undefined;
  }
}
