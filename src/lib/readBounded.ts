import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** The file is longer than its reader takes. */
export class FileTooLong extends Error {}

/**
 * The bytes of a file that somebody else may have put there. A pipe is not waited for, and what is no file or longer than `maxBytes` is
 * refused in one sentence (the latter as FileTooLong), whatever its size claims to be. Rejects with a system error when it cannot be read.
 */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = await file.stat();
  if (!stat.isFile()) throw new Error('it is no file');
  const tooLong = () => new FileTooLong(`it is longer than ${maxBytes} bytes, which is more than is read`);
  if (stat.size > maxBytes) throw tooLong();
  // Files of the kernel have no size, and others grow meanwhile: one byte over the limit tells.
  const chunks: Buffer[] = [];
  let length = 0;
  for (let room = stat.size + 1; ; room = 16 * 1024) {
    const chunk = Buffer.allocUnsafe(Math.min(room, maxBytes + 1 - length));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, length);
    if (bytesRead === 0) return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    chunks.push(chunk.subarray(0, bytesRead));
    length += bytesRead;
    if (length > maxBytes) throw tooLong();
  }
}

/** The same for a file that need not be there: undefined. */
export async function readBoundedIfThere(path: string, maxBytes: number): Promise<Buffer | undefined> {
  return readBounded(path, maxBytes).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
