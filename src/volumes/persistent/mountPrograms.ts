import { mkdir } from 'node:fs/promises';
import type { ProgramRequest } from '../../lib/linux/runProgram.ts';
import type { KindHost } from './contract.ts';
import { FinalError } from './volumeStepError.ts';

/** Longer than mount.nfs tries by itself in the foreground. */
const MOUNT_MS = 150_000;
/** A check or format of a large disk. It is not cut off when the Pod goes: half done is worse than late. */
const DISK_MS = 3_600_000;
const PATIENCE_MS = 10_000;

export interface MountCommand {
  readonly source: string;
  readonly target: string;
  /** Absent: a bind mount, with `bind` among the options. */
  readonly fsType?: string;
  readonly options: readonly string[];
  readonly signal: AbortSignal;
  progress(message: string | undefined): void;
}

/** mount(8), for what needs its helpers or may hang. Rejects in kubelet's words. */
export async function mountCommand(host: KindHost, command: MountCommand): Promise<void> {
  const { source, target, fsType, options, signal, progress } = command;
  const args = [
    ...(fsType === undefined ? [] : ['-t', fsType]),
    ...(options.length === 0 ? [] : ['-o', options.join(',')]),
    source,
    target,
  ];
  const slow = setTimeout(() => progress(`mount of ${source} has not answered yet`), PATIENCE_MS).unref();
  try {
    // What a Pod names is never taken for an option.
    const request = { program: 'mount', args: args.toSpliced(-2, 0, '--'), deadlineMs: MOUNT_MS, signal };
    const onHeld = (pid: number) =>
      progress(`mount of ${source} was given up, and the kernel holds it (process ${pid})`);
    const { code, output, killed } = await host.run({ ...request, onHeld });
    signal.throwIfAborted();
    if (code === 0) return;
    const why = killed ? `no answer within ${MOUNT_MS / 1000}s` : `exit status ${code}`;
    throw new Error(
      `mount failed: ${why}\nMounting command: mount\nMounting arguments: ${args.join(' ')}\nOutput: ${output}\n`,
    );
  } finally {
    clearTimeout(slow);
    progress(undefined);
  }
}

/** A device with its file system. */
export interface DiskMount extends MountCommand {
  /** '' is ext4, as in kubelet: an object may name the file system and leave the name empty. */
  readonly fsType: string;
}

/**
 * Mounts a device: one without any file system gets one, unless it is for reading only; one with a file system is checked, unless it is
 * for reading only. As mount-utils' SafeFormatAndMount: what blkid calls a partition table is never formatted.
 */
export async function formatAndMount(host: KindHost, asked: DiskMount): Promise<void> {
  const disk = { ...asked, fsType: asked.fsType || 'ext4' };
  const { source, fsType, options, progress } = disk;
  const readOnly = options.includes('ro');
  const format = await diskFormat(host, source);
  if (format === '') {
    if (readOnly)
      throw new FinalError(`cannot mount unformatted disk ${source} as we are manipulating it in read-only mode`);
    progress(`a ${fsType} file system is being made on ${source}`);
    await makeFileSystem(host, disk);
  } else if (!readOnly) {
    progress(`the file system on ${source} is being checked`);
    await check(host, source);
  }
  await mountCommand(host, { ...disk, options: [...options, 'defaults'] });
}

/** What blkid finds on it; empty without anything. */
export async function diskFormat(host: KindHost, device: string): Promise<string> {
  const args = ['-p', '-s', 'TYPE', '-s', 'PTTYPE', '-o', 'export', device];
  const { code, output } = await host.run({ program: 'blkid', args, deadlineMs: MOUNT_MS });
  if (code === 2) return '';
  if (code !== 0) throw new FinalError(`failed to get disk format of disk ${device}: exit status ${code}`);
  const found = new Map(output.split('\n').map((line) => line.split('=', 2) as [string, string]));
  return found.has('PTTYPE') ? 'unknown data, probably partitions' : (found.get('TYPE') ?? '');
}

const FORMAT_FLAGS: Readonly<Record<string, readonly string[]>> = {
  ext3: ['-F', '-m0'],
  ext4: ['-F', '-m0'],
  xfs: ['-f'],
};

async function makeFileSystem(host: KindHost, { source, target, fsType, options }: DiskMount): Promise<void> {
  if (!/^[\w.-]+$/.test(fsType)) throw new FinalError(`"${fsType}" is no name of a file system`);
  const args = [...(FORMAT_FLAGS[fsType] ?? []), source];
  const { code, output } = await host.run({ program: `mkfs.${fsType}`, args, deadlineMs: DISK_MS });
  if (code === 0) return;
  const shown = `type:("${fsType}") target:("${target}") options:("${[...options, 'defaults'].join(',')}")`;
  throw new FinalError(`format of disk "${source}" failed: ${shown} errcode:(exit status ${code}) output:(${output}) `);
}

const UNCORRECTED = 4;

async function check(host: KindHost, device: string): Promise<void> {
  const request: ProgramRequest = { program: 'fsck', args: ['-a', device], deadlineMs: DISK_MS };
  // Without fsck, and after its other troubles, the mount tells whether the disk can be used.
  const result = await host.run(request).catch(() => undefined);
  if (result?.code === UNCORRECTED)
    throw new FinalError(`'fsck' found errors on device ${device} but could not correct them: ${result.output}`);
}

const ANSWER_MS = 30_000;

/** Looks at a directory of a network file system with a program beside this process. Rejects when it gets no answer. */
export async function answers(host: KindHost, path: string): Promise<void> {
  const { killed } = await host.run({ program: 'stat', args: ['--', path], deadlineMs: ANSWER_MS });
  if (killed) throw new Error(`the server of ${path} did not answer within ${ANSWER_MS / 1000}s`);
}

/** Whether something is mounted at exactly this path, by the table alone: it never waits for a server that is dead. */
export async function isInTable(host: KindHost, path: string): Promise<boolean> {
  return (await host.mounter.list(path)).some((entry) => entry.mountPoint === path);
}

/** A directory to mount on. */
export async function mountPointDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o750 });
}
