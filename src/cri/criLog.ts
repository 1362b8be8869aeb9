// The CRI log format: `<RFC 3339 time> <stdout|stderr> <tags> <content>`, one entry a line; tag P marks a piece of a longer
// line, F its end. Pure.

/** One entry of a CRI log. The content of a full line includes its newline, that of a piece does not. */
export interface CriLogEntry {
  time: string;
  stream: 'stdout' | 'stderr';
  partial: boolean;
  content: Buffer;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;

/** Parses one line, with or without its newline; undefined if it is not in the format. */
export function parseCriLogLine(line: Buffer): CriLogEntry | undefined {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  const third = line.indexOf(SPACE, second + 1);
  if (first < 1 || second < 0 || third < 0) return undefined;
  const time = line.toString('latin1', 0, first);
  const stream = line.toString('latin1', first + 1, second);
  if (Number.isNaN(Date.parse(time)) || (stream !== 'stdout' && stream !== 'stderr')) return undefined;
  const partial = line.toString('latin1', second + 1, third).split(':')[0] === 'P';
  const ends = partial && line.at(-1) === NEWLINE;
  return { time, stream, partial, content: line.subarray(third + 1, ends ? line.length - 1 : line.length) };
}

/**
 * The last `maxBytes` of the content of the last `maxLines` entries in `tail`, which is the end of a log. A log that is longer
 * than `tail` has its first line cut; it counts as content as it stands, which is right whenever `tail` is much longer than
 * `maxBytes` and `maxLines` headers together, because then the cut-off header cannot be among the last `maxBytes`.
 */
export function lastContent(tail: Buffer, isWholeFile: boolean, maxLines: number, maxBytes: number): Buffer {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let end = tail.length;
  for (let lines = 0; end > 0 && lines < maxLines && bytes < maxBytes; lines += 1) {
    const start = end < 2 ? 0 : tail.lastIndexOf(NEWLINE, end - 2) + 1;
    const line = tail.subarray(start, end);
    const cut = start === 0 && !isWholeFile;
    const content = cut ? line : parseCriLogLine(line)?.content;
    if (content) {
      pieces.unshift(content);
      bytes += content.length;
    }
    end = start;
  }
  const all = Buffer.concat(pieces);
  return all.subarray(Math.max(0, all.length - maxBytes));
}
