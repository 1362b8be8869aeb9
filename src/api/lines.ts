import { KubeletError } from '../lib/errors.ts';

const NEWLINE = 0x0a;

/** Splits a stream of bytes into lines without ever holding more than one unfinished line, of at most `maxBytes`. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Yields each line that `chunk` completes, without its newline; empty lines are skipped. Throws on a line that is too long. */
  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      const line = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (line !== '') yield line;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #take(last: Buffer): string {
    if (this.#size === 0) return last.toString('utf8');
    this.#keep(last);
    const line = Buffer.concat(this.#parts, this.#size).toString('utf8');
    this.#parts = [];
    this.#size = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.#maxBytes) {
      throw new KubeletError(`a watch event is longer than ${this.#maxBytes} bytes`, {
        code: 'WatchEventTooLong',
      });
    }
    this.#parts.push(part);
  }
}
