import { dirname, join } from 'node:path';
import { errorMessage, KubeletError } from '../lib/errors.ts';
import { errnoCode } from '../lib/linux/linuxError.ts';
import { settleAll } from '../lib/settleAll.ts';
import type { CgroupFs } from './cgroupFs.ts';
import type { Hierarchies } from './hierarchies.ts';
import { type Controller, type ControlWrite, controlWrites } from './rules/controlFiles.ts';
import type { ResourceConfig } from './rules/resourceConfig.ts';

/** What the functions of this folder work on. */
export interface CgroupHost {
  readonly fs: CgroupFs;
  readonly hierarchies: Hierarchies;
}

/** Makes the cgroup in every hierarchy that the kubelet uses and writes its limits. ENOENT when the parent is missing. */
export async function ensureCgroup(host: CgroupHost, path: string, config: ResourceConfig): Promise<void> {
  const { fs, hierarchies } = host;
  await settleAll(
    [...byMount(hierarchies)].map(async ([mount, controllers]) => {
      const isNew = await fs.mkdir(join(mount, path));
      if (hierarchies.version === 1 && controllers.includes('cpuset'))
        await inheritCpuset(fs, join(mount, path), isNew);
    }),
  );
  await writeConfig(host, path, config);
}

/** Writes the limits into a cgroup that exists: controllers side by side, files of one controller in order. */
export async function writeConfig(
  { fs, hierarchies }: CgroupHost,
  path: string,
  config: ResourceConfig,
): Promise<void> {
  const writes = controlWrites(config, hierarchies.version, hierarchies.hugePageSizes);
  const lanes = [...hierarchies.controllers].map(([controller, mount]) => ({
    directory: join(mount, path),
    writes: writes.filter((write) => write.controller === controller),
  }));
  await settleAll(lanes.map((lane) => writeLane(fs, lane.directory, lane.writes)));
}

/** cgroup v2: lets the children of this path and of all its parents have the controllers (cgroups(7), subtree_control). */
export async function delegateControllers({ fs, hierarchies }: CgroupHost, path: string): Promise<void> {
  if (hierarchies.version === 1) return;
  const [root] = hierarchies.mounts;
  const wanted = [...hierarchies.controllers.keys()].map((name) => `+${name}`);
  const parts = path.split('/').filter((part) => part !== '');
  for (let count = 0; count <= parts.length; count++) {
    const file = join(root!, ...parts.slice(0, count), 'cgroup.subtree_control');
    try {
      await fs.write(file, wanted.join(' '));
    } catch (error) {
      const problem =
        errnoCode(error) === 'EBUSY'
          ? 'it has processes of its own; run the kubelet in another cgroup'
          : errorMessage(error);
      throw new KubeletError(`cannot pass controllers ${wanted.join(' ')} on in ${dirname(file)}: ${problem}`, {
        code: 'Cgroup',
        cause: error,
      });
    }
  }
}

/** Version 2 has its directory even on a machine whose controllers are all elsewhere. */
function byMount({ version, controllers, mounts: all }: Hierarchies): Map<string, Controller[]> {
  const mounts = new Map<string, Controller[]>(version === 2 ? all.map((mount) => [mount, []]) : []);
  for (const [controller, mount] of controllers) mounts.set(mount, [...(mounts.get(mount) ?? []), controller]);
  return mounts;
}

/** A new cpuset of cgroup v1 is empty, and no process can enter an empty one. */
async function inheritCpuset(fs: CgroupFs, path: string, isNew: boolean): Promise<void> {
  const inherit = async (file: string) => {
    if (!isNew && (await fs.read(join(path, file))).trim() !== '') return;
    await fs.write(join(path, file), (await fs.read(join(dirname(path), file))).trim());
  };
  await settleAll(['cpuset.cpus', 'cpuset.mems'].map(inherit));
}

async function writeLane(fs: CgroupFs, directory: string, writes: readonly ControlWrite[]): Promise<void> {
  let again: ControlWrite | undefined;
  for (const write of writes) {
    const code = await tryWrite(fs, directory, write);
    if (again) {
      const refused = await tryWrite(fs, directory, { ...again, retryAfterNext: false });
      if (refused === undefined) again = undefined;
    }
    if (code === 'EINVAL') again = write;
  }
}

/** The errno name if this failure may pass, undefined after success. Throws for all others. */
async function tryWrite(fs: CgroupFs, directory: string, write: ControlWrite): Promise<string | undefined> {
  const file = join(directory, write.file);
  try {
    await fs.write(file, write.value);
    return undefined;
  } catch (error) {
    const code = errnoCode(error);
    if (code === 'EINVAL' && write.retryAfterNext) return code;
    if (code === 'ENOENT' && write.optional) return code;
    const hint = code === 'EBUSY' ? '; more than that is in use' : '';
    throw new KubeletError(`cannot write ${write.value} to ${file}: ${errorMessage(error)}${hint}`, {
      code: code ?? 'Cgroup',
      cause: error,
    });
  }
}
