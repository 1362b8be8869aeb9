import { type CriLogEntry, parseCriLogLine } from '../../cri/criLog.ts';
import { goQuote } from '../../k8s/goText.ts';
import type { LogOptions } from './options.ts';

const NEWLINE = 0x0a;
const SPACE = Buffer.from(' ');

/** Turns the lines of a log file into what the client asked for. One for each request; lines come in order. */
export class LineWriter {
  readonly #options: LogOptions;
  /** Lines that may still be read; only for a tail that is not followed. */
  #linesLeft: number;
  #bytesLeft: number;
  #atLineStart = true;
  #json: boolean | undefined;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#linesLeft = options.follow ? Number.POSITIVE_INFINITY : (options.tailLines ?? Number.POSITIVE_INFINITY);
    this.#bytesLeft = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Nothing more will be written. */
  get finished(): boolean {
    return this.#linesLeft <= 0 || this.#bytesLeft <= 0;
  }

  /**
   * The pieces to send for one line of the file (with its newline, if it has one), appended to `out`. A line that cannot be read is
   * left out; if it is the very first, the file is in no known format: throws.
   */
  take(line: Buffer, out: Buffer[]): void {
    const entry = this.#parse(line);
    if (!entry) return;
    this.#write(entry, out);
    this.#linesLeft -= 1;
    this.#atLineStart = entry.content.length === 0 || entry.content.at(-1) === NEWLINE;
  }

  #parse(line: Buffer): CriLogEntry | undefined {
    if (this.#json === undefined) {
      if (parseCriLogLine(line)) this.#json = false;
      else if (parseJsonLine(line)) this.#json = true;
      else {
        throw new Error(`failed to get parse function: unsupported log format: ${goQuote(line.toString('utf8'))}`);
      }
    }
    return this.#json ? parseJsonLine(line) : parseCriLogLine(line);
  }

  #write(entry: CriLogEntry, out: Buffer[]): void {
    const { since, timestamps, stream } = this.#options;
    if (since !== undefined && Date.parse(entry.time) < since) return;
    const wanted = stream === 'All' || stream.toLowerCase() === entry.stream;
    if (!wanted) return;
    if (timestamps && this.#atLineStart) {
      this.#send(Buffer.from(fixedTime(entry.time)), out);
      this.#send(SPACE, out);
    }
    this.#send(entry.content, out);
  }

  #send(piece: Buffer, out: Buffer[]): void {
    const cut = piece.length > this.#bytesLeft ? piece.subarray(0, this.#bytesLeft) : piece;
    if (cut.length === 0) return;
    this.#bytesLeft -= cut.length;
    out.push(cut);
  }
}

/** RFC 3339 with nine digits of a second, so that times line up and sort; runtimes leave trailing zeros out. */
function fixedTime(time: string): string {
  return time.replace(/(?<=:\d\d)(?:\.(\d{1,9}))?(?=[Zz+-])/, (_whole, digits: string | undefined) => {
    return `.${(digits ?? '').padEnd(9, '0')}`;
  });
}

/** The older JSON form of Docker: `{"log":"…\n","stream":"stdout","time":"…"}`. */
function parseJsonLine(line: Buffer): CriLogEntry | undefined {
  try {
    const { log = '', stream, time = '' } = JSON.parse(line.toString('utf8')) as Record<string, string | undefined>;
    if ((stream !== 'stdout' && stream !== 'stderr') || Number.isNaN(Date.parse(time))) return undefined;
    return { time, stream, partial: !log.endsWith('\n'), content: Buffer.from(log) };
  } catch {
    return undefined;
  }
}
