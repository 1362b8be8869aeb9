import { formatCpuList, parseCpuList } from '../../../k8s/cpuList.ts';
import { goQuote } from '../../../k8s/goText.ts';
import type { CpuState } from './cpuState.ts';

/** `<root>/cpu_manager_state` since Kubernetes 1.18 (version 2). */
export interface CpuFile {
  readonly policyName: string;
  readonly defaultCpuSet: string;
  readonly entries?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Version 3, with the feature gate PodLevelResourceManagers. */
  readonly podEntries?: Readonly<Record<string, { readonly cpuSet?: string }>>;
}

/** The same before that (version 1): entries by container id. */
export interface OldCpuFile {
  readonly policyName: string;
  readonly defaultCpuSet: string;
  readonly entries?: Readonly<Record<string, string>>;
}

/** The state in the form of the Go kubelet's cpu_manager_state. */
export function toCpuFile(policyName: string, state: CpuState): CpuFile {
  const entries = Object.fromEntries(
    [...state.exclusive].map(([uid, containers]) => [
      uid,
      Object.fromEntries([...containers].map(([name, cpus]) => [name, formatCpuList(cpus)])),
    ]),
  );
  const podEntries = Object.fromEntries([...state.pods].map(([uid, cpus]) => [uid, { cpuSet: formatCpuList(cpus) }]));
  return {
    policyName,
    defaultCpuSet: formatCpuList(state.shared),
    ...(state.exclusive.size > 0 && { entries }),
    ...(state.pods.size > 0 && { podEntries }),
  };
}

/** Throws with Go's refusal. */
export function fromCpuFile(policyName: string, file: CpuFile): CpuState {
  if (file.policyName !== policyName) {
    throw new Error(
      `configured policy ${goQuote(policyName)} differs from state checkpoint policy ${goQuote(file.policyName)}`,
    );
  }
  const list = (text: string, what: (quoted: string) => string) => {
    try {
      return parseCpuList(text);
    } catch (error) {
      throw new Error(`${what(goQuote(text))}: ${(error as Error).message}`);
    }
  };
  const shared = list(file.defaultCpuSet, (text) => `could not parse default cpu set ${text}`);
  const exclusive = new Map(
    Object.entries(file.entries ?? {}).map(([uid, containers]) => [
      uid,
      new Map(
        Object.entries(containers).map(([name, text]) => [
          name,
          list(text, (q) => `could not parse cpuset ${q} for container ${goQuote(name)} in pod ${goQuote(uid)}`),
        ]),
      ),
    ]),
  );
  const pods = new Map(
    Object.entries(file.podEntries ?? {}).map(([uid, { cpuSet = '' }]) => [
      uid,
      list(cpuSet, () => 'failed to parse cpuset'),
    ]),
  );
  return { shared, exclusive, pods };
}

/** Brings an old file to today's form. `find` knows the containers that the runtime has. Throws with Go's refusal. */
export function fromOldCpuFile(
  file: OldCpuFile,
  find: (containerId: string) => { readonly uid: string; readonly name: string } | undefined,
): CpuFile {
  const entries: Record<string, Record<string, string>> = {};
  for (const [id, cpus] of Object.entries(file.entries ?? {})) {
    const container = find(id);
    if (!container) {
      throw new Error(
        `failed to migrate checkpoint from v1 to v2: containerID '${id}' not found in initial containers list`,
      );
    }
    entries[container.uid] = { ...entries[container.uid], [container.name]: cpus };
  }
  return { policyName: file.policyName, defaultCpuSet: file.defaultCpuSet, entries };
}
