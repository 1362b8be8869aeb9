// What a container left behind as its last words: a file it wrote, or the end of its log.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { cleanAbsolute } from '../k8s/goPath.ts';
import { errorMessage } from '../lib/errors.ts';
import { TERMINATION_MESSAGE_PATH, TERMINATION_MESSAGE_POLICY } from './convert.ts';
import { lastContent } from './criLog.ts';
import type { ContainerStatusOut } from './generated/runtime.ts';

// The kubelet's limits (pkg/kubelet/container/runtime.go).
const MAX_FILE_BYTES = 4096;
const MAX_LOG_BYTES = 2048;
const MAX_LOG_LINES = 80;
const LOG_TAIL_BYTES = 64 * 1024;

// The container writes these files, so a link or a pipe in their place must neither be followed nor waited for.
const SAFE_OPEN = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** The termination message of an exited container, '' if it has none. Problems with reading become the message, as in kubelet. */
export async function terminationMessage(status: ContainerStatusOut): Promise<string> {
  const fallback =
    status.annotations[TERMINATION_MESSAGE_POLICY] === 'FallbackToLogsOnError' &&
    status.exitCode !== 0 &&
    status.reason !== 'ContainerCannotRun';
  const written = await fromFile(status);
  if (written !== '' || !fallback) return written;
  return fromLog(status.logPath);
}

async function fromFile(status: ContainerStatusOut): Promise<string> {
  const path = status.annotations[TERMINATION_MESSAGE_PATH];
  if (!path) return '';
  // The annotation holds what the Pod says, the mount that path cleaned (podworker/spec/mounts.ts).
  const inside = cleanAbsolute(`/${path}`);
  const file = status.mounts.find((mount) => mount.containerPath === inside)?.hostPath;
  if (!file) return '';
  try {
    return (await readTail(file, MAX_FILE_BYTES)).bytes.toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    return `Error on reading termination log ${file}: ${errorMessage(error)}`;
  }
}

async function fromLog(path: string): Promise<string> {
  try {
    const { bytes, whole } = await readTail(path, LOG_TAIL_BYTES);
    return lastContent(bytes, whole, MAX_LOG_LINES, MAX_LOG_BYTES).toString();
  } catch (error) {
    return `Error on reading termination message from logs: ${errorMessage(error)}`;
  }
}

async function readTail(path: string, limit: number): Promise<{ bytes: Buffer; whole: boolean }> {
  await using file = await open(path, SAFE_OPEN);
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
  const length = Math.min(stat.size, limit);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, stat.size - length);
  return { bytes: buffer.subarray(0, bytesRead), whole: length === stat.size };
}
