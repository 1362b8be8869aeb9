import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { goQuote } from '../../../k8s/goText.ts';
import { ignoring } from '../../../lib/linux/linuxError.ts';
import { MountFlag } from '../../../lib/linux/mounter.ts';
import { pluginDirectory, volumePath } from '../../paths.ts';
import { hasBackstep } from '../../rules/payloadPath.ts';
import type { FoundVolume, KindHost, PersistentKind, VolumeSpec, WantedStep } from '../contract.ts';
import { growVolume } from '../expansion.ts';
import { growFileSystem } from '../fileSystem.ts';
import { foundShares, namesIn } from '../foundOnDisk.ts';
import { ownByGroup } from '../fsGroup.ts';
import { formatAndMount, mountCommand, mountPointDirectory } from '../mountPrograms.ts';
import { mountOptions } from '../rules/mountOptions.ts';
import { unmountAndRemove } from '../unmount.ts';
import { FinalError } from '../volumeStepError.ts';

const PLUGIN = 'kubernetes.io/local-volume';
const uniqueNameOf = (name: string) => `${PLUGIN}/${name}`;

/** A directory or disk of this node (KEP-121). A disk is mounted once, below the plug-in's directory, and bound into each Pod. */
export const localKind: PersistentKind = {
  plugin: PLUGIN,
  supportsMountOptions: true,
  supportsBlock: true,
  identify: ({ name }) => ({ uniqueName: uniqueNameOf(name), attachable: false }),

  check: async (spec) => {
    const { path } = sourceOf(spec);
    if (spec.mode === 'Filesystem') await isDisk(spec);
    if (hasBackstep(path)) throw new FinalError(`invalid path: ${path} must not contain '..'`);
  },

  async stage(step) {
    const { host, spec, volume, signal, progress } = step;
    if (volume.mode === 'Block' || !(await isDisk(spec))) return;
    const target = globalPath(host, volume.name);
    await mountPointDirectory(target);
    if (await host.mounter.isMountPoint(target)) return;
    const { path, fsType = 'ext4' } = sourceOf(spec);
    const options = mountOptions(spec, spec.readOnly ? ['ro'] : []);
    try {
      await formatAndMount(host, { source: path, target, fsType, options, signal, progress });
    } catch (error) {
      await unmountAndRemove(host, target).catch(() => undefined);
      const why = `local: failed to mount device ${path} at ${target} (fstype: ${fsType}), error ${(error as Error).message}`;
      throw error instanceof FinalError ? new FinalError(why, error) : new Error(why, { cause: error });
    }
  },

  unstage: ({ host, volume }) => unmountAndRemove(host, globalPath(host, volume.name)),

  async publish(step) {
    const { host, spec, pod, volume } = step;
    const { path } = sourceOf(spec);
    if (volume.mode === 'Block') return { path };
    const source = (await isDisk(spec)) ? globalPath(host, volume.name) : path;
    const target = volumePath(host.root, pod.metadata.uid, PLUGIN, volume.name);
    await tellSharing(step, source);
    await bind(step, source, target);
    // The files are one Pod's or all Pods': who comes second does not change them under the first.
    if (!spec.readOnly && step.others.length === 0) await ownByGroup(step, target);
    return { path: target, ...(spec.readOnly ? {} : { seLinuxRelabel: true }) };
  },

  unpublish: async ({ host, volume, podUid }) => {
    if (volume.mode === 'Filesystem') await unmountAndRemove(host, volumePath(host.root, podUid, PLUGIN, volume.name));
  },

  expand: async (step) => {
    const { host, spec, pod, volume } = step;
    const { path } = sourceOf(spec);
    if (!host.expansion) return;
    await growVolume(step, host.expansion, {
      // Of a directory, and of a device itself, there is nothing to grow.
      grow: async () => {
        if (volume.mode === 'Block' || !(await isDisk(spec))) return;
        await growFileSystem(host, path, volumePath(host.root, pod.metadata.uid, PLUGIN, volume.name));
      },
    });
  },

  deviceMapDirectory: (host, { name }) => mapDirectory(host, name),

  async reconstruct(host) {
    const found = new Map<string, FoundVolume>();
    const add = (name: string, mode: FoundVolume['mode'], staged: boolean, uid?: string) => {
      const uniqueName = uniqueNameOf(name);
      const before = found.get(name) ?? { uniqueName, name, mode, attachable: false, staged: false, pods: [] };
      const pods = uid === undefined || before.pods.includes(uid) ? before.pods : [...before.pods, uid];
      found.set(name, { ...before, staged: before.staged || staged, pods });
    };
    for (const { uid, name, mode } of await foundShares(host.root, PLUGIN)) add(name, mode, false, uid);
    const maps = join(host.root, 'plugins', pluginDirectory(PLUGIN), 'volumeDevices');
    for (const name of await namesIn(maps))
      for (const uid of await namesIn(join(maps, name))) add(name, 'Block', false, uid);
    for (const name of await namesIn(globalPath(host, ''))) add(name, 'Filesystem', true);
    return [...found.values()];
  },
};

function sourceOf({ pv }: VolumeSpec): { readonly path: string; readonly fsType?: string } {
  const local = pv?.spec?.local;
  if (!local?.path) throw new FinalError('local volume source is nil or local path is not set');
  return { ...local, path: local.path.startsWith('/') ? local.path : `/${local.path}` };
}

function globalPath(host: KindHost, name: string): string {
  return join(host.root, 'plugins', PLUGIN, 'mounts', name);
}

function mapDirectory(host: KindHost, name: string): string {
  return join(host.root, 'plugins', pluginDirectory(PLUGIN), 'volumeDevices', name);
}

async function isDisk(spec: VolumeSpec): Promise<boolean> {
  const { path } = sourceOf(spec);
  const stats = await ignoring(['ENOENT', 'ENOTDIR'], () => stat(path));
  if (!stats) throw new FinalError(`path ${goQuote(path)} does not exist`);
  if (!stats.isDirectory() && !stats.isBlockDevice())
    throw new FinalError('only directory and block device are supported');
  return stats.isBlockDevice();
}

/** A group that the Pods before did not have cannot be given while they use the files. */
async function tellSharing({ pod, others, volume, event }: WantedStep, source: string): Promise<void> {
  const { fsGroup } = pod.spec.securityContext ?? {};
  if (fsGroup === undefined || others.length === 0) return;
  const { gid } = await stat(source);
  if (gid === fsGroup) return;
  const message = `The requested fsGroup is ${fsGroup}, but the volume ${volume.name} has GID ${gid}. The volume may not be shareable.`;
  event({ type: 'Warning', reason: 'AlreadyMountedVolume', message });
}

/** Binds a directory into a Pod, with the volume's mount options, read-only if the Pod asks for that. Again is harmless. */
export async function bind(step: WantedStep, source: string, target: string): Promise<void> {
  const { host, spec, signal, progress } = step;
  await mountPointDirectory(target);
  const isBound = await host.mounter.isMountPoint(target);
  const options = mountOptions(spec, ['bind', ...(spec.readOnly ? ['ro'] : [])]);
  const own = options.filter((option) => option !== 'bind' && option !== 'ro');
  if (own.length > 0) {
    // A kill between the two steps of mount(8) leaves a mount without its options.
    const again = isBound ? ['remount'] : [];
    return mountCommand(host, { source, target, options: [...again, ...options], signal, progress });
  }
  const flags = MountFlag.bind;
  if (!isBound) await host.mounter.mount({ source, target, fsType: null, flags });
  if (spec.readOnly)
    await host.mounter.mount({ source, target, fsType: null, flags: flags | MountFlag.remount | MountFlag.readOnly });
}
