import { existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { withLock } from '../lib/lock.ts';
import { run } from '../lib/run.ts';
import { hierarchies, makeCgroup } from './cgroups.ts';
import { type Layout, stateBase } from './layout.ts';
import { mounts } from './mounts.ts';
import { makeNetworkNamespace } from './network.ts';
import { inCgroups } from './service.ts';
import type { Cluster } from './state.ts';

/**
 * The standard directories of a node, each laid over with one of the cluster's own inside its mount namespace. So the
 * standard paths work (device plugins and logs have fixed ones), and yet several clusters and a real kubelet of the
 * machine do not meet; and whatever is mounted by kubelet and runtime vanishes with the namespace.
 */
function overlays(layout: Layout): Record<string, string> {
  return {
    '/var/lib/kubelet': layout.kubeletRoot,
    '/var/log/pods': path.join(layout.logs, 'pods'),
    '/var/log/containers': path.join(layout.logs, 'containers'),
    // The shims keep their sockets here, wherever the runtime's own state is.
    '/run/containerd': path.join(layout.run, 'shims'),
    '/var/lib/cni': path.join(layout.state, 'cni/lib'),
  };
}

/** Held while mount points are made and covered, or removed: rmdir takes away what another namespace has mounted there. */
export function withMountPointsLock(work: () => Promise<void>): Promise<void> {
  return withLock(path.join(stateBase(), 'mount-points.lock'), 60_000, work);
}

/** The file in which the machine's directories are listed that had to be made as mount points. */
export function mountPointsFile(): string {
  return path.join(stateBase(), 'made-mount-points');
}

function makeMountPoints(layout: Layout): void {
  for (const [target, source] of Object.entries(overlays(layout))) {
    mkdirSync(source, { recursive: true });
    if (existsSync(target)) continue;
    writeFileSync(mountPointsFile(), `${target}\n`, { flag: 'a' });
    mkdirSync(target, { recursive: true });
  }
}

/** Laid over the namespaces of process 1 inside the node: there they are those of the node. */
function initNamespaces(layout: Layout): string {
  const directory = path.join(layout.run, 'init-ns');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/**
 * On a machine process 1 is in the mount namespace of kubelet and runtime, and specs of Kubernetes enter that through it; here it is a
 * process of the machine. So the node shows, in its place, the namespace of a process of its own, which must go on running.
 */
export function showAsInit({ layout, state }: Cluster, pid: number): void {
  if (!state.ownCgroups) return;
  const link = path.join(initNamespaces(layout), 'mnt');
  rmSync(link, { force: true });
  // Relative, so that it holds wherever a container has mounted the node's root directory.
  symlinkSync(`../../${pid}/ns/mnt`, link);
}

async function makeMountNamespace(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  makeMountPoints(layout);
  writeFileSync(layout.mountns, '');
  // Shared inside, so that Bidirectional mount propagation works; private towards the machine.
  const binds = Object.entries(overlays(layout)).map(([target, source]) => `mount --bind ${source} ${target}`);
  const own = cluster.state.ownCgroups ?? false;
  if (own) {
    writeFileSync(layout.cgroupns, '');
    // The Go kubelet's statistics of containers (cAdvisor) know this socket only; without it they name no Pods.
    const usual = path.join(layout.run, 'shims/containerd.sock');
    if (!lstatSync(usual, { throwIfNoEntry: false })) symlinkSync(layout.containerdSocket, usual);
  }
  const cgroups = own ? hierarchies().map((root) => `mount --bind ${root}${layout.cgroup} ${root}`) : [];
  const init = own ? [`mount --bind ${initNamespaces(layout)} /proc/1/ns`] : [];
  const script = ['set -e', 'mount --make-rshared /', ...binds, ...cgroups, ...init].join('\n');
  const flags = [`--mount=${layout.mountns}`, '--propagation=private', ...(own ? [`--cgroup=${layout.cgroupns}`] : [])];
  const argv = ['unshare', ...flags, 'sh', '-c', script];
  // The root of a new cgroup namespace is where its maker is.
  const [command = '', ...args] = own ? inCgroups(makeCgroup(layout.cgroup), argv) : argv;
  await run(command, args);
}

/** Makes the cluster's network and mount namespaces, pinned to files in its run directory, unless they exist. */
export async function makeNamespaces(cluster: Cluster): Promise<void> {
  const directory = path.dirname(cluster.layout.netns);
  mkdirSync(directory, { recursive: true });
  const mounted = new Set(mounts().map(({ target }) => target));
  if (!mounted.has(directory)) {
    // A mount namespace can be pinned only to a file on a private mount.
    await run('mount', ['--bind', directory, directory]);
    await run('mount', ['--make-private', directory]);
  }
  if (!mounted.has(cluster.layout.netns)) await makeNetworkNamespace(cluster);
  if (!mounted.has(cluster.layout.mountns)) await withMountPointsLock(() => makeMountNamespace(cluster));
}
