import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { withLock } from '../lib/lock.ts';
import { step } from '../lib/log.ts';
import { allPids, identify, signal } from '../lib/processes.ts';
import { waitFor } from '../lib/wait.ts';
import { clusterLock } from './bringUp.ts';
import { cgroupDirectories, killCgroup, removeCgroup } from './cgroups.ts';
import { clusterNames, type Layout, layoutOf, runBase, stateBase } from './layout.ts';
import { mounts, mountsBelow, unmountBelow } from './mounts.ts';
import { mountPointsFile, withMountPointsLock } from './namespaces.ts';
import { findCluster, furtherNodesOf } from './state.ts';

/** The processes in one of the cluster's namespaces, in whatever cgroup they are (a shell somebody opened, for instance). */
function namespacePids(layout: Layout): number[] {
  const pinned = mounts().filter(({ target, type }) => type === 'nsfs' && target.startsWith(`${layout.run}/`));
  const inodes = pinned.map(({ target }) => String(statSync(target).ino));
  return allPids().filter((pid) =>
    ['net', 'mnt'].some((kind) => {
      try {
        return inodes.some((inode) => readlinkSync(`/proc/${pid}/ns/${kind}`) === `${kind}:[${inode}]`);
      } catch {
        return false; // ended meanwhile
      }
    }),
  );
}

async function killAll(layout: Layout): Promise<void> {
  for (const id of Object.values(findCluster(layout.name)?.state.services ?? {})) signal(id, 'SIGKILL');
  await killCgroup(layout.cgroup);
  await waitFor('the processes in the namespaces to die', { timeout: 60_000, interval: 30 }, () => {
    const pids = namespacePids(layout);
    for (const pid of pids) {
      const id = identify(pid);
      if (id) signal(id, 'SIGKILL');
    }
    return pids.length === 0;
  });
}

function removeTree(directory: string): void {
  const mounted = mountsBelow(directory);
  if (mounted.length > 0) throw new Error(`not removing ${directory}: ${mounted[0]?.target} is mounted`);
  rmSync(directory, { recursive: true, force: true });
}

function removeIfEmpty(directory: string): void {
  if (existsSync(directory) && lstatSync(directory).isDirectory() && readdirSync(directory).length === 0)
    rmdirSync(directory);
}

/** After the last cluster: removes the mount points that were made for them, and the directories that held them. */
function removeSharedDirectories(): void {
  if (clusterNames().length > 0) return;
  const made = existsSync(mountPointsFile()) ? readFileSync(mountPointsFile(), 'utf8').split('\n').filter(Boolean) : [];
  for (const directory of made) removeIfEmpty(directory);
  rmSync(mountPointsFile(), { force: true });
  removeIfEmpty(runBase());
}

/** True when anything of a cluster is still there. */
export function existsAny(layout: Layout): boolean {
  return existsSync(layout.state) || existsSync(layout.run) || cgroupDirectories(layout.cgroup).length > 0;
}

/**
 * Removes a cluster with its further nodes, whatever state it is in: kills its processes (found by cgroup, by namespace and by the written-down
 * numbers), then removes its namespaces (its mounts, interfaces and packet filter rules go with them), cgroups and files.
 */
export async function tearDown(name: string): Promise<void> {
  for (const node of furtherNodesOf(name)) await tearDown(node.layout.name);
  const layout = layoutOf(name);
  if (!existsAny(layout)) return;
  await withLock(clusterLock(layout), 600_000, async () => {
    await step('killing the processes', () => killAll(layout));
    await step('removing namespaces, mounts, cgroups and files', async () => {
      await unmountBelow(layout.run);
      await unmountBelow(layout.state);
      await removeCgroup(layout.cgroup);
      removeTree(layout.run);
      removeTree(layout.state);
    });
    await withMountPointsLock(async () => removeSharedDirectories());
  });
  removeIfEmpty(path.dirname(clusterLock(layout)) === stateBase() ? stateBase() : layout.state);
}
