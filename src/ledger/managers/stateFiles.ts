import { join } from 'node:path';
import { goQuote } from '../../k8s/goText.ts';
import { cpuCheckpoint, memoryCheckpoint } from '../../k8s/kubeletCheckpoints.ts';
import { CheckpointFile } from '../../lib/checkpointFile.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { type CpuFile, fromCpuFile, fromOldCpuFile, type OldCpuFile, toCpuFile } from '../rules/cpus/cpuFile.ts';
import type { CpuState } from '../rules/cpus/cpuState.ts';
import { fromMemoryFile, type MemoryFile, toMemoryFile } from '../rules/memory/memoryFile.ts';
import type { MemoryState } from '../rules/memory/memoryState.ts';

/** Finds the Pod and name of a container by its id; only files from before Kubernetes 1.18 need it. */
export type FindContainers = () => Promise<(id: string) => { readonly uid: string; readonly name: string } | undefined>;

/** The state files of one manager under `<root>`, in the form of the Go kubelet. */
export interface StateFile<T> {
  readonly path: string;
  /** Undefined: there is no file. Rejects with Go's refusal if it does not fit, and leaves it as it is. */
  load(): Promise<T | undefined>;
  /** Resolves when the state is on the disk. */
  save(state: T): Promise<void>;
}

/** `<root>/cpu_manager_state`. `podLevel`: the feature gate PodLevelResourceManagers, with which Go has a version of its own. */
export function cpuStateFile(
  rootDir: string,
  policy: string,
  find: FindContainers,
  podLevel: boolean,
): StateFile<CpuState> {
  const path = join(rootDir, 'cpu_manager_state');
  const version2 = new CheckpointFile(path, cpuCheckpoint<CpuFile>(2));
  const file = podLevel ? new CheckpointFile(path, cpuCheckpoint<CpuFile>(3)) : version2;
  const load = async () => {
    const current = await file
      .load()
      .catch(() => version2.load())
      .catch(() => 'older' as const);
    if (current === undefined) return undefined;
    if (current !== 'older' && hasNames(current)) return fromCpuFile(policy, current);
    const old = await new CheckpointFile(path, cpuCheckpoint<OldCpuFile>(1)).load();
    if (old === undefined) return undefined;
    if (!hasLists(old)) throw new Error('its entries have another form than those of a CPU manager');
    const known = Object.keys(old.entries ?? {}).length > 0 ? await find() : () => undefined;
    return fromCpuFile(policy, fromOldCpuFile(old, known));
  };
  return {
    path,
    load: () => load().catch((error) => refuse('CPU', path, error)),
    save: (state) => file.save(toCpuFile(policy, state)),
  };
}

/** `<root>/memory_manager_state`. `podLevel`: as above. */
export function memoryStateFile(rootDir: string, policy: string, podLevel: boolean): StateFile<MemoryState> {
  const path = join(rootDir, 'memory_manager_state');
  const version1 = new CheckpointFile(path, memoryCheckpoint<MemoryFile>(1));
  const file = podLevel ? new CheckpointFile(path, memoryCheckpoint<MemoryFile>(2)) : version1;
  const load = async () => {
    const current = podLevel ? await file.load().catch(() => version1.load()) : await version1.load();
    return current && fromMemoryFile(policy, current);
  };
  return {
    path,
    load: () => load().catch((error) => refuse('memory', path, error)),
    save: (state) => file.save(toMemoryFile(policy, state)),
  };
}

function refuse(manager: string, path: string, error: unknown): never {
  const { cause } = error as { cause?: unknown };
  throw new KubeletError(
    `could not restore state from checkpoint: ${errorMessage(cause ?? error)}, please drain this node and delete ` +
      `the ${manager} manager checkpoint file ${goQuote(path)} before restarting Kubelet`,
    { code: 'CheckpointUnusable', cause: error },
  );
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Entries by Pod and container name. */
function hasNames({ entries = {} }: CpuFile): boolean {
  return isRecord(entries) && Object.values(entries).every((of) => isRecord(of) && hasLists({ entries: of }));
}

function hasLists({ entries = {} }: { readonly entries?: unknown }): boolean {
  return isRecord(entries) && Object.values(entries).every((list) => typeof list === 'string');
}
