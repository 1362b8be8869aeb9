import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { goQuote, goSystemError } from '../../../k8s/goText.ts';
import { KubeletError } from '../../../lib/errors.ts';
import { openInRoot, type Resolved } from '../../../lib/linux/openInRoot.ts';
import { fdPath } from '../../../lib/linux/safePath.ts';
import type { EnvFileReference } from '../../spec/envReferences.ts';
import type { EnvFile } from '../../spec/envTypes.ts';

/**
 * How much all files of one container's environment may hold, in bytes. KEP-3721 names no limit, and the Go kubelet has one for a line
 * only, of 64 KiB. This is four such lines, and what the worst content needs to be parsed, about 20 ms, is as long as one Pod may
 * hold the event loop: it chooses the content and the number of files.
 */
export const MAX_ENV_FILE_BYTES = 256 * 1024;

/**
 * Reads a file that a container wrote into `volume` (KEP-3721). The Pod is hostile: links are resolved with the volume as their root, as
 * in the Go kubelet, and what lies there is looked at before it is opened, because opening a pipe waits and opening a device acts.
 * At most `limit` bytes, what is left for the container. Never rejects: what cannot be read is `unreadable`, what must not be read is `refused` with one sentence.
 */
export async function readEnvFile(volume: string, reference: EnvFileReference, limit: number): Promise<EnvFile> {
  let found: Resolved | undefined;
  try {
    found = await openInRoot(volume, reference.path);
    const what = `${goQuote(reference.path)} in volume ${goQuote(reference.volumeName)}`;
    const content = await contentOf(found.handle, what, limit);
    return { state: 'found', hostPath: found.path, content };
  } catch (error) {
    if (error instanceof KubeletError) return { state: 'refused', message: error.message };
    return { state: 'unreadable', message: goSystemError('open', error, `${volume}/${reference.path}`) };
  } finally {
    await found?.handle.close();
  }
}

async function contentOf(place: FileHandle, what: string, limit: number): Promise<Uint8Array> {
  if (!(await place.stat()).isFile()) throw refused(`${what} is not a regular file`);
  await using file = await open(fdPath(place), constants.O_RDONLY | constants.O_NONBLOCK);
  // The size may be anybody's claim or change meanwhile: one byte over the limit tells.
  const buffer = Buffer.alloc(Math.min((await file.stat()).size, limit) + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  if (length > limit) throw refused(`${what} makes the container's env files larger than ${MAX_ENV_FILE_BYTES} bytes`);
  return buffer.subarray(0, length);
}

function refused(message: string): KubeletError {
  return new KubeletError(message, { code: 'EnvFileRefused' });
}
