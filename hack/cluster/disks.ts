import { closeSync, ftruncateSync, mkdirSync, openSync } from 'node:fs';
import path from 'node:path';
import { run } from '../lib/run.ts';
import type { Layout } from './layout.ts';
import { mounts } from './mounts.ts';

/** The size of a file system that a test wants to be able to fill. The number of inodes is rounded up by mke2fs. */
export interface Disk {
  readonly mib: number;
  readonly inodes: number;
}

/** File systems of a node's own, where otherwise everything lies on the machine's. */
export interface NodeDisks {
  /** What kubelet calls nodefs: /var/lib/kubelet. */
  readonly kubelet: Disk;
  /** What kubelet calls imagefs: images and the layers of containers. */
  readonly runtime: Disk;
}

/** Where the file system of the runtime is mounted. */
export function runtimeRoot(layout: Layout): string {
  return path.join(layout.state, 'containerd/root');
}

/** Mounts what is not mounted yet, before anything else of the node exists; it goes with the cluster's other mounts. */
export async function mountDisks(layout: Layout, disks: NodeDisks): Promise<void> {
  const mounted = new Set(mounts().map(({ target }) => target));
  const places = { kubelet: layout.kubeletRoot, runtime: runtimeRoot(layout) };
  for (const name of ['kubelet', 'runtime'] as const) {
    if (mounted.has(places[name])) continue;
    const file = path.join(layout.state, 'disks', `${name}.img`);
    const { mib, inodes } = disks[name];
    for (const directory of [path.dirname(file), places[name]]) mkdirSync(directory, { recursive: true });
    const image = openSync(file, 'w', 0o600);
    ftruncateSync(image, mib * 2 ** 20);
    closeSync(image);
    await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-m', '0', '-N', String(inodes), file]);
    await run('mount', ['-o', 'loop', file, places[name]]);
  }
}
