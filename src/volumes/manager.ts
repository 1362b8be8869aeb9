import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { goQuote } from '../k8s/goText.ts';
import { errorMessage, isAbort } from '../lib/errors.ts';
import { ignoring } from '../lib/linux/linuxError.ts';
import { silentLogger } from '../lib/logger.ts';
import type { FoundVolumes, VolumeManager, VolumeManagerOptions } from './contract.ts';
import { createDigester } from './digest.ts';
import { podPath, subPathTarget } from './paths.ts';
import { bindSubPath } from './subPath.ts';
import { tearDown } from './teardown.ts';
import { volumeType } from './types/registry.ts';
import { mayPass, setUpFailed, VolumeError } from './volumeError.ts';
import type { VolumeHost, VolumeTask, VolumeType } from './volumeType.ts';

/** The volume manager on real directories; which mount table it talks to is the mounter's affair. */
export function createVolumeManager({ root, mounter, log = silentLogger }: VolumeManagerOptions): VolumeManager {
  const host: VolumeHost = { root, mounter, log, digest: createDigester() };
  const run = async <T>(task: VolumeTask, call: (type: VolumeType) => Promise<T>): Promise<T> => {
    task.signal.throwIfAborted();
    try {
      return await call(volumeType(task.volume));
    } catch (error) {
      throw isAbort(error) ? error : setUpFailed(task.volume.name, error);
    }
  };
  return {
    needs: (pod) => (pod.spec.volumes ?? []).flatMap((volume) => volumeType(volume).references(pod, volume)),
    mount: (pod, volume, context, signal) => {
      const task = { host, pod, volume, context, signal };
      return run(task, (type) => type.mount(task));
    },
    update: (pod, volume, context, signal) => {
      const task = { host, pod, volume, context, signal };
      return run(task, (type) => type.update(task));
    },
    prepareSubPath: (pod, request) => {
      const { container, mountIndex, mounted } = request;
      return bindSubPath(mounter, request, subPathTarget(root, pod.metadata.uid, mounted.name, container, mountIndex));
    },
    unmountAll: async (uid, signal) => {
      signal.throwIfAborted();
      try {
        await tearDown(mounter, podPath(root, uid), signal);
      } catch (error) {
        throw isAbort(error) ? error : tearDownFailed(uid, error);
      }
    },
    scan: () => scanVolumes(root),
  };
}

function tearDownFailed(uid: string, error: unknown): VolumeError {
  const message = `UnmountVolume.TearDown failed for the volumes of pod ${goQuote(uid)} : ${errorMessage(error)}`;
  return new VolumeError(message, '', mayPass(error), undefined, error);
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
