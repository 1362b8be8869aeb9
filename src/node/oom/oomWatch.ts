import { type ChildProcess, spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeEvent } from '../../events/event.ts';
import { type BackoffPolicy, backoffDelay } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { SharedTurn } from '../../lib/sharedTurn.ts';
import { writeAtomically } from '../../lib/writeAtomically.ts';
import { MAX_RECORD, type OpenReport, parseRecord, readReport, systemOomEvent } from './rules/kernelLog.ts';

/** The reader ends with us, however we end. A read of this device that waits would hold one of our few threads for ever. */
const READER = ['setpriv', '--pdeathsig', 'KILL', 'cat', '/dev/kmsg'] as const;
const RETRY: BackoffPolicy = { initialMs: 1_000, maxMs: 300_000, jitter: 0.2 };
const NOTE_BYTES = 256;

export interface OomWatchOptions {
  /** `<root>`: a note says which kills were told, so that a restart does not tell them again. */
  readonly rootDir: string;
  /** Sequence numbers of the kernel's log begin anew at each boot. */
  readonly bootID: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly recordEvent: (event: NodeEvent) => void;
  /** The program that prints the kernel's log and goes on; for tests. */
  readonly reader?: readonly [string, ...string[]];
}

/**
 * Follows the kernel's log and tells of processes that were killed because the machine had no memory left. Where the log may not be read
 * it says so once in a while. Disposing ends the reader.
 */
export class OomWatch implements Disposable {
  readonly #options: OomWatchOptions;
  readonly #note = new SharedTurn(() => this.#writeNote());
  #child: ChildProcess | undefined;
  #timer: Disposable | undefined;
  #ended = false;
  #told = -1;
  #seen = -1;
  #report: OpenReport | undefined;
  #failures = 0;

  constructor(options: OomWatchOptions) {
    this.#options = options;
  }

  /** Reads the note of an earlier life, then the log. */
  async start(): Promise<void> {
    this.#told = await readNote(this.#notePath, this.#options.bootID);
    this.#read();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    this.#child?.kill('SIGKILL');
  }

  get #notePath(): string {
    return join(this.#options.rootDir, 'kubelet-ts', 'systemOom.json');
  }

  #read(): void {
    if (this.#ended) return;
    const [program, ...args] = this.#options.reader ?? READER;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.unref();
    let said = '';
    let rest = '';
    let failed: string | undefined;
    let isOver = false;
    const over = (why: string) => {
      if (!isOver) this.#lost(why);
      isOver = true;
    };
    child.on('error', (error) => {
      failed = error.message;
      if (!child.stdout) over(failed); // no descriptors are left: it has no pipes to be closed
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (said.length < 512) said += chunk.toString().slice(0, 512);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = (lines.pop() ?? '').slice(0, MAX_RECORD);
      for (const line of lines) this.#line(line.slice(0, MAX_RECORD));
    });
    child.once('close', (code) => over(failed ?? (said.trim() || `the reader ended with ${code}`)));
  }

  #line(line: string): void {
    const record = parseRecord(line);
    // A reader that was started again begins at the beginning of what the kernel keeps.
    if (!record || record.sequence <= this.#seen) return;
    this.#seen = record.sequence;
    // Only news: where the log is a file with an end, the same lines come each time.
    this.#failures = 0;
    const { open: report, kill } = readReport(this.#report, record.message);
    this.#report = report;
    const event = kill && systemOomEvent(kill);
    if (!event || record.sequence <= this.#told) return;
    this.#told = record.sequence;
    this.#options.recordEvent(event);
    void this.#note.take();
  }

  async #writeNote(): Promise<void> {
    const { bootID, log } = this.#options;
    try {
      await writeAtomically(this.#notePath, JSON.stringify({ bootID, sequence: this.#told }));
    } catch (error) {
      log.warn('Cannot note which System OOMs were told; a restart tells them again', { error: errorMessage(error) });
    }
  }

  #lost(why: string): void {
    const { clock, log, random } = this.#options;
    if (this.#ended) return;
    const ms = backoffDelay(RETRY, this.#failures++, random());
    log.warn("The kernel's log cannot be read: there will be no SystemOOM Events; it is tried again", {
      error: why,
      seconds: Math.round(ms / 1000),
    });
    this.#timer = clock.setTimer(ms, () => this.#read());
  }
}

/** The sequence number that was told last in this boot; -1 without a note. */
async function readNote(path: string, bootID: string): Promise<number> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(NOTE_BYTES), 0, NOTE_BYTES, 0);
    const note = JSON.parse(buffer.toString('utf8', 0, bytesRead)) as { bootID?: unknown; sequence?: unknown };
    return note.bootID === bootID && typeof note.sequence === 'number' ? note.sequence : -1;
  } catch {
    return -1;
  }
}
