import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run, tryRun } from '../lib/run.ts';
import { killCgroup, removeCgroup } from './cgroups.ts';
import { stopKubelet } from './kubelet.ts';
import type { Layout } from './layout.ts';
import { parseMounts } from './mounts.ts';
import { inside, stopService } from './service.ts';
import type { Cluster } from './state.ts';

const bootId = '/proc/sys/kernel/random/boot_id';

/**
 * What a loss of power leaves of a cluster's node: files on disk. Kubelet, runtime, shims and every process of a Pod are killed; mounts, what was
 * in memory alone (tmpfs, the runtime's state, sandboxes' network namespaces) and the Pods' cgroups are gone; the node's boot id is another
 * one. The control plane goes on, as on machines of its own. `startRuntime` and the kubelet's start bring the node up again.
 */
export async function powerOff(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  await stopKubelet(cluster, 'SIGKILL');
  await stopService(cluster, 'containerd', 'SIGKILL');
  const cgroups = ['kubepods', 'services/containerd', 'services/kubelet'].map((name) => `${layout.cgroup}/${name}`);
  for (const cgroup of cgroups) await killCgroup(cgroup);
  await unmountAll(cluster);
  emptyDirectory(path.join(layout.run, 'containerd'));
  rmSync(path.join(layout.run, 'shims/s'), { recursive: true, force: true });
  for (const cgroup of cgroups) await removeCgroup(cgroup);
  await newBootId(cluster);
}

/** Mounts that kubelet, runtime and drivers made, as the node's mount namespace has them; the last one first. */
function ofPods(layout: Layout, table: string): string[] {
  const below = ['/var/lib/kubelet', '/run/containerd', layout.kubeletRoot, `${layout.run}/containerd`, layout.state];
  const targets = parseMounts(table).map(({ target }) => target);
  return targets.filter((target) => below.some((directory) => target.startsWith(`${directory}/`))).reverse();
}

async function unmountAll(cluster: Cluster): Promise<void> {
  const onNode = (...argv: string[]) => {
    const [command = '', ...args] = inside(cluster, 'node', argv);
    return tryRun(command, args);
  };
  const left = async () => ofPods(cluster.layout, (await onNode('cat', '/proc/self/mountinfo')).stdout);
  // Each goes from every place to which it was propagated: some of the list are gone already when it is their turn.
  for (const target of await left()) await onNode('umount', '-n', '-l', target);
  const rest = await left();
  if (rest.length > 0) throw new Error(`still mounted on ${cluster.layout.nodeName}: ${rest.join(' ')}`);
}

function emptyDirectory(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) rmSync(path.join(directory, name), { recursive: true, force: true });
}

/**
 * The node has the machine's boot id again. To be called before others use the cluster: while a file lies over one of /proc's, the kernel
 * refuses a /proc of its own to every Pod with a user namespace. A kubelet that is started after it sees one more boot.
 */
export async function ownBootId(cluster: Cluster): Promise<void> {
  const [command = '', ...args] = inside(cluster, 'node', ['umount', '-n', bootId]);
  for (let isCovered = true; isCovered; ) isCovered = (await tryRun(command, args)).code === 0;
}

/** A file over the kernel's own, in the node's mount namespace alone. */
async function newBootId(cluster: Cluster): Promise<void> {
  const file = path.join(cluster.layout.run, 'boot-id');
  rmSync(file, { force: true });
  writeFileSync(file, `${randomUUID()}\n`);
  const [command = '', ...args] = inside(cluster, 'node', ['mount', '-n', '--bind', file, bootId]);
  await run(command, args);
}
