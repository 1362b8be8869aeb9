import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;
/** A single line longer than this is no log line: reading it whole would be an attack on our memory. */
const MAX_LINE = 16 * 1024 * 1024;

/** A log file that is read forward, line by line, while its writer goes on. */
export class LogFile implements AsyncDisposable {
  readonly inode: bigint;
  readonly #handle: FileHandle;
  #position: number;
  /** The beginning of a line whose end is not written yet. */
  #rest: Buffer[] = [];
  #restBytes = 0;

  private constructor(handle: FileHandle, inode: bigint, position: number) {
    this.#handle = handle;
    this.inode = inode;
    this.#position = position;
  }

  /** Opens a file; with `tailLines`, in front of the last so many lines. Rejects with the system's error, or when it is no file. */
  static async open(path: string, tailLines?: number): Promise<LogFile> {
    // A FIFO in the place of a log must not block us.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const info = await handle.stat({ bigint: true });
      if (!info.isFile()) throw new Error('it is not a regular file');
      const start = tailLines === undefined ? 0 : await tailStart(handle, Number(info.size), tailLines);
      return new LogFile(handle, info.ino, start);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The next complete lines, newlines included; undefined at the end of what is written so far. */
  async lines(): Promise<Buffer[] | undefined> {
    for (;;) {
      const block = Buffer.allocUnsafe(BLOCK);
      const { bytesRead } = await this.#handle.read(block, 0, BLOCK, this.#position);
      if (bytesRead === 0) return undefined;
      this.#position += bytesRead;
      const lines = this.#split(block.subarray(0, bytesRead));
      if (lines.length > 0) return lines;
    }
  }

  /** What follows the last newline. */
  rest(): Buffer | undefined {
    return this.#restBytes === 0 ? undefined : Buffer.concat(this.#rest);
  }

  /** The file was cut short by somebody (copytruncate): begin again at its start. */
  async restartIfCut(): Promise<boolean> {
    const { size } = await this.#handle.stat();
    if (size >= this.#position) return false;
    this.#position = 0;
    this.#rest = [];
    this.#restBytes = 0;
    return true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#handle.close();
  }

  #split(block: Buffer): Buffer[] {
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, start)) {
      const piece = block.subarray(start, end + 1);
      lines.push(this.#restBytes === 0 ? piece : Buffer.concat([...this.#rest, piece]));
      this.#rest = [];
      this.#restBytes = 0;
      start = end + 1;
    }
    if (start < block.length) this.#keep(block.subarray(start));
    return lines;
  }

  #keep(piece: Buffer): void {
    if (this.#restBytes + piece.length > MAX_LINE) throw new Error(`a line is longer than ${MAX_LINE} bytes`);
    // A copy, so that a short rest does not hold its whole block.
    this.#rest.push(Buffer.from(piece));
    this.#restBytes += piece.length;
  }
}

/** Where the last `lines` lines begin, found by reading backwards; an unfinished last line comes on top of them. */
async function tailStart(handle: FileHandle, size: number, lines: number): Promise<number> {
  const block = Buffer.allocUnsafe(BLOCK);
  let newlines = 0;
  for (let right = size; right > 0; right -= BLOCK) {
    const left = Math.max(0, right - BLOCK);
    const { bytesRead } = await handle.read(block, 0, right - left, left);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      if (block[at] !== NEWLINE) continue;
      newlines += 1;
      if (newlines > lines) return left + at + 1;
    }
  }
  return 0;
}
