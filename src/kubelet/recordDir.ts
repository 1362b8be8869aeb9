import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { errorMessage } from '../lib/errors.ts';
import type { Logger } from '../lib/logger.ts';
import type { TraceRecord, TraceSink } from '../timeline/recorder.ts';

/** Bytes of one Pod that wait for the disk; what comes beyond that is left out. */
const WAITING_BYTES = 16 * 1024 * 1024;

/** One Pod's file. `failed`: it could not be written, and is not tried again in this life of the Pod. */
interface OpenFile {
  readonly stream: WriteStream;
  failed: boolean;
  leftOut: number;
}

/**
 * Writes every decision of every Pod to `<dir>/<uid>.jsonl`, one record a line, for `kubelet-ts replay`. Meant for tests and bug hunts:
 * the files grow for ever. A file is open until its Pod ends. What a full or slow disk does not take is left out, with one warning a Pod.
 */
export class RecordDir implements TraceSink, Disposable {
  readonly #dir: string;
  readonly #log: Logger;
  readonly #waitingBytes: number;
  readonly #files = new Map<string, OpenFile>();

  /** Makes the directory; throws what `mkdir` throws. */
  constructor(dir: string, log: Logger, waitingBytes = WAITING_BYTES) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    this.#dir = dir;
    this.#log = log;
    this.#waitingBytes = waitingBytes;
  }

  /** How many files are open. */
  get open(): number {
    return this.#files.size;
  }

  write(uid: string, record: TraceRecord): void {
    const file = this.#files.get(uid) ?? this.#openFile(uid);
    if (file.failed) return;
    if (file.stream.writableLength > this.#waitingBytes) {
      if (file.leftOut++ === 0)
        this.#log.warn('decisions are left out of the record: the disk is too slow', { podUID: uid, dir: this.#dir });
      return;
    }
    file.stream.write(`${JSON.stringify(record)}\n`);
  }

  close(uid: string): void {
    this.#files.get(uid)?.stream.end();
    this.#files.delete(uid);
  }

  /** Closes all files once they have taken what was written. */
  [Symbol.dispose](): void {
    for (const uid of [...this.#files.keys()]) this.close(uid);
  }

  #openFile(uid: string): OpenFile {
    const path = join(this.#dir, `${uid.replaceAll(/[^A-Za-z0-9-]/g, '_')}.jsonl`);
    const file: OpenFile = { stream: createWriteStream(path, { flags: 'a', mode: 0o600 }), failed: false, leftOut: 0 };
    file.stream.on('error', (error) => {
      if (!file.failed) this.#log.warn('the record of a Pod cannot be written', { path, error: errorMessage(error) });
      file.failed = true;
    });
    this.#files.set(uid, file);
    return file;
  }
}
