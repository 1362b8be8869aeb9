// On which CPUs containers run, and what the CPU manager has written down.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cgroupDirectories } from '../../hack/cluster/cgroups.ts';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import { container } from './pods.ts';
import type { TestContext } from './test.ts';

/** The machine's CPUs, as the kernel lists them. */
export const online = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
/** The last of them. */
export const last = Number(online.split(/[-,]/).at(-1));

/** The runtime's id of a container. */
export const idOf = (of: Pod, name = 'main') => container(of, name)?.containerID?.replace('containerd://', '') ?? '';

/** The CPUs that the kernel lets a container run on. */
export function cpusOf(t: TestContext, id: string): string {
  const kubepods = `${t.lab.cluster.layout.cgroup}/kubepods`;
  const files = cgroupDirectories(kubepods)
    .filter((directory) => path.basename(directory) === id)
    .flatMap((directory) => ['cpuset.cpus.effective', 'cpuset.cpus'].map((file) => path.join(directory, file)));
  return readFileSync(files.find((file) => existsSync(file)) ?? `no cpuset of ${id}`, 'utf8').trim();
}

/** Waits until it runs on these. */
export function untilOn(t: TestContext, id: string, cpus: string): Promise<unknown> {
  return waitFor(`container ${id} to run on CPUs ${cpus}`, { timeout: patience }, async () => cpusOf(t, id) === cpus);
}

function stateFile(t: TestContext, name: string): string {
  return path.join(t.lab.cluster.layout.kubeletRoot, name);
}

/** The CPU manager's state file. */
export function cpuState(t: TestContext): { readonly entries?: unknown; readonly podEntries?: unknown } {
  return JSON.parse(readFileSync(stateFile(t, 'cpu_manager_state'), 'utf8'));
}

/** Changes the policy as an administrator does: the old state goes first. */
export async function withPolicy(t: TestContext, options: object, kind: 'go' | 'ts' = 'ts'): Promise<void> {
  await stopKubelet(t.lab.cluster);
  for (const name of ['cpu_manager_state', 'memory_manager_state']) rmSync(stateFile(t, name), { force: true });
  if (kind === 'go') await startKubelet(t.lab.cluster, 'go', options);
  else await t.lab.startAgent(options);
  await waitForNodeReady(t.lab.cluster, patience);
}
