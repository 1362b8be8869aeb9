import { rmdir } from 'node:fs/promises';
import { ignoring } from '../lib/linux/linuxError.ts';
import { makeDirBeneath } from '../lib/linux/safePath.ts';
import { memoryFs, writeAtomically } from './atomicWriter.ts';
import type { MountedVolume, Reference, VolumeUpdate } from './contract.ts';
import { ensureOpenDirectory, type Made } from './directories.ts';
import { volumePath } from './paths.ts';
import { memoryVolumeSize } from './rules/emptyDirSize.ts';
import { nestedMountpoints } from './rules/nestedMountpoints.ts';
import type { Payload } from './rules/payload.ts';
import { ensureTmpfs } from './tmpfs.ts';
import type { VolumeTask, VolumeType } from './volumeType.ts';

/** The files of a volume and when to make them again. */
export interface Collected {
  readonly payload: Payload;
  readonly refreshAt?: number;
}

interface PayloadVolumeOptions {
  readonly plugin: string;
  /** `memory` for everything that may hold a secret. */
  readonly medium: 'memory' | 'disk';
  references(task: Pick<VolumeTask, 'pod' | 'volume'>): Reference[];
  collect(task: VolumeTask): Promise<Collected>;
}

/** A volume type whose content this program writes. Containers always see it read-only. */
export function payloadVolume({ plugin, medium, references, collect }: PayloadVolumeOptions): VolumeType {
  return {
    plugin,
    references: (pod, volume) => references({ pod, volume }),
    mount: async (task) => {
      const collected = await collect(task);
      task.signal.throwIfAborted();
      const path = pathOf(task, plugin);
      const made = await ensure(task, path, medium);
      await fill(task, path, made, collected.payload, medium);
      const mounted: MountedVolume = {
        name: task.volume.name,
        hostPath: path,
        readOnly: true,
        digest: task.host.digest(collected.payload),
        tmpfs: medium === 'memory',
        seLinuxRelabel: true,
      };
      return collected.refreshAt === undefined ? mounted : { ...mounted, refreshAt: collected.refreshAt };
    },
    update: async (task) => {
      const { payload, refreshAt } = await collect(task);
      task.signal.throwIfAborted();
      const path = pathOf(task, plugin);
      // Somebody may have unmounted it behind our back; a secret must not land in the directory below.
      await ensure(task, path, medium);
      const changed = await write(task, path, payload, medium);
      const update: VolumeUpdate = { changed, digest: task.host.digest(payload) };
      return refreshAt === undefined ? update : { ...update, refreshAt };
    },
  };
}

/** On failure takes back what this call made, but never touches a volume that containers may already use. */
async function fill(
  task: VolumeTask,
  path: string,
  made: Made,
  payload: Payload,
  medium: 'memory' | 'disk',
): Promise<void> {
  try {
    for (const directory of nestedMountpoints(task.volume.name, task.pod.spec)) {
      await makeDirBeneath(path, directory, 0o755);
    }
    await write(task, path, payload, medium);
  } catch (error) {
    if (made === 'created') {
      await ignoring(['EINVAL', 'ENOENT', 'EPERM', 'EBUSY'], () => task.host.mounter.unmount(path));
      await ignoring(['ENOENT', 'ENOTEMPTY', 'EBUSY'], () => rmdir(path));
    }
    throw error;
  }
}

/** Bytes up to which a payload in memory is written on the event loop's own thread. */
const SMALL = 128 * 1024;

async function write(task: VolumeTask, path: string, payload: Payload, medium: 'memory' | 'disk'): Promise<boolean> {
  const group = groupOf(task);
  let size = 0;
  for (const file of payload.values()) size += file.bytes.byteLength;
  return writeAtomically(path, payload, {
    ...(group !== undefined && { group }),
    ...(medium === 'memory' && size <= SMALL && { fs: memoryFs }),
  });
}

function ensure(task: VolumeTask, path: string, medium: 'memory' | 'disk'): Promise<Made> {
  const group = groupOf(task);
  if (medium === 'disk') return ensureOpenDirectory(path, group, task.signal);
  const size = memoryVolumeSize(task.pod, undefined, task.context.nodeAllocatable);
  return ensureTmpfs(task.host, { path, size, group });
}

function pathOf({ host, pod, volume }: VolumeTask, plugin: string): string {
  return volumePath(host.root, pod.metadata.uid, plugin, volume.name);
}

function groupOf(task: VolumeTask): number | undefined {
  return task.pod.spec.securityContext?.fsGroup;
}
