import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goQuote } from '../k8s/goText.ts';
import { errorMessage, isAbort } from '../lib/errors.ts';
import { ignoring } from '../lib/linux/linuxError.ts';
import { silentLogger } from '../lib/logger.ts';
import { settleAll } from '../lib/settleAll.ts';
import type { FoundVolumes, MountedVolume, MountWords, VolumeManager, VolumeManagerOptions } from './contract.ts';
import { findCsiVolumes, unpublishAll } from './csi/unpublish.ts';
import { createDigester } from './digest.ts';
import type { OnStorageOperation } from './metrics.ts';
import { podPath, subPathTarget } from './paths.ts';
import { seLinuxVolumeLabel } from './rules/seLinuxLabel.ts';
import { bindSubPath } from './subPath.ts';
import { tearDown, unbindSubPaths } from './teardown.ts';
import { volumeType } from './types/registry.ts';
import { setUpFailed, VolumeError } from './volumeError.ts';
import type { VolumeHost, VolumeTask, VolumeType } from './volumeType.ts';

/** Nobody listens. */
const silent: MountWords = { event: () => {}, progress: () => {} };

/** The volume manager on real directories; which mount table it talks to is the mounter's affair. */
export function createVolumeManager(options: VolumeManagerOptions): VolumeManager {
  const { root, mounter, log = silentLogger, persistent, csi, seLinux, seLinuxCounts, onOperation } = options;
  const host: VolumeHost = {
    ...{ root, mounter, log, digest: createDigester() },
    ...(persistent ? { persistent } : {}),
    ...(csi ? { csi } : {}),
    ...(seLinux ? { seLinux } : {}),
    ...(seLinuxCounts ? { seLinuxCounts } : {}),
  };
  return {
    needs: (pod, objects) =>
      (pod.spec.volumes ?? []).flatMap((volume) =>
        volumeType(volume).references(pod, volume, objects, persistent?.kinds),
      ),
    mount: (pod, volume, context, signal, tell = silent) => {
      const task = { host, pod, volume, context, signal, tell };
      return run(task, (type) => {
        if (!type.ownedElsewhere) countLabels(task);
        return observed(type, task, onOperation);
      });
    },
    update: (pod, volume, context, signal, tell = silent) => {
      const task = { host, pod, volume, context, signal, tell };
      return run(task, (type) => type.update(task));
    },
    prepareSubPath: async (pod, request) => {
      const { container, mountIndex, mounted } = request;
      await persistent?.askServer(mounted.hostPath);
      return bindSubPath(mounter, request, subPathTarget(root, pod.metadata.uid, mounted.name, container, mountIndex));
    },
    unmountAll: (uid, signal) => unmountAll(host, uid, signal),
    holders: () => persistent?.holders() ?? [],
    scan: () => scanVolumes(root),
  };
}

/** Has the volume's type do something; what it fails with is told in kubelet's words. */
async function run<T>(task: VolumeTask, call: (type: VolumeType) => Promise<T>): Promise<T> {
  task.signal.throwIfAborted();
  try {
    return await call(volumeType(task.volume));
  } catch (error) {
    throw isAbort(error) ? error : setUpFailed(task.volume.name, error);
  }
}

/** Takes all volumes of a Pod down. A volume that outlasts it is given back by its owner; binds of its subPaths hold it. */
async function unmountAll(host: VolumeHost, uid: string, signal: AbortSignal): Promise<void> {
  const { root, mounter, log, persistent, csi } = host;
  signal.throwIfAborted();
  try {
    await persistent?.rebuild();
    const inline = csi ? await findCsiVolumes(root, uid, log) : [];
    if (persistent?.concerns(uid) || inline.length > 0) {
      await unbindSubPaths(mounter, podPath(root, uid), signal);
      await settleAll([persistent?.leave(uid, signal), csi && unpublishAll(csi.drivers, inline)]);
    }
    await tearDown(mounter, podPath(root, uid), signal);
  } catch (error) {
    throw isAbort(error) ? error : tearDownFailed(uid, error);
  }
}

/** Several SELinux labels for a volume of the Pod's own: it is never mounted with one, so kubelet only warns. */
function countLabels({ host, pod, volume }: VolumeTask): void {
  if (!host.seLinux || !host.seLinuxCounts) return;
  const label = seLinuxVolumeLabel(pod, volume.name, { mode: 'Filesystem' }, host.seLinux);
  if (label.fault?.kind === 'several') host.seLinuxCounts.fault(label, label.fault.kind);
}

async function observed(
  type: VolumeType,
  task: VolumeTask,
  told: OnStorageOperation | undefined,
): Promise<MountedVolume> {
  if (!told || type.ownedElsewhere) return type.mount(task);
  const begun = performance.now();
  const plugin = task.volume.csi ? `${type.plugin}:${task.volume.csi.driver}` : type.plugin;
  const tell = (failed: boolean) => told(plugin, 'volume_mount', (performance.now() - begun) / 1000, failed);
  try {
    const mounted = await type.mount(task);
    tell(false);
    return mounted;
  } catch (error) {
    tell(true);
    throw error;
  }
}

function tearDownFailed(uid: string, error: unknown): VolumeError {
  if (error instanceof VolumeError) return error;
  const message = `UnmountVolume.TearDown failed for the volumes of pod ${goQuote(uid)} : ${errorMessage(error)}`;
  return new VolumeError(message, '', error);
}

async function scanVolumes(root: string): Promise<FoundVolumes[]> {
  const pods = join(root, 'pods');
  const found = await Promise.all(
    (await namesIn(pods)).map(async (uid) => {
      const plugins = await namesIn(join(pods, uid, 'volumes'));
      const volumes = await Promise.all(
        plugins.map(async (plugin) => {
          const names = await namesIn(join(pods, uid, 'volumes', plugin));
          // A name with dots in front is a draft of a volume that never came to be; teardown removes it with the rest.
          return names
            .filter((name) => !name.startsWith('..'))
            .map((name) => ({ plugin: plugin.replace('~', '/'), name }));
        }),
      );
      return { uid, volumes: volumes.flat(), any: plugins.length > 0 };
    }),
  );
  return found.filter((pod) => pod.any).map(({ uid, volumes }) => ({ uid, volumes }));
}

async function namesIn(directory: string): Promise<string[]> {
  return (await ignoring(['ENOENT', 'ENOTDIR'], () => readdir(directory))) ?? [];
}
