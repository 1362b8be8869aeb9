import { realpath } from 'node:fs/promises';
import { goQuote, goSystemError } from '../../k8s/goText.ts';
import type { Clock } from '../../lib/clock.ts';
import { FollowedLog, type Following } from './followLog.ts';
import { LineWriter } from './lineWriter.ts';
import { LogFile } from './logFile.ts';
import type { LogOptions } from './options.ts';
import { type LogOwner, refuseForeign } from './ownLog.ts';

/** Takes the next piece and resolves when it wants more. */
export type LogSink = (piece: Buffer) => Promise<void>;

export interface SendLogOptions {
  readonly options: LogOptions;
  readonly following: Following;
  readonly clock: Clock;
  /** Absent: the file may be anywhere. */
  readonly owner?: LogOwner;
  /** The client is gone. */
  readonly signal: AbortSignal;
}

/**
 * Sends a container's log file as the options say; while following, until the container is over. Memory is one block of 64 KiB,
 * however slow the sink. Rejects with kubelet's sentence when the file cannot be read.
 */
export async function sendLog(logPath: string, sink: LogSink, context: SendLogOptions): Promise<void> {
  const path = await realpath(logPath).catch((error: unknown) => {
    throw new Error(`failed to try resolving symlinks in path ${goQuote(logPath)}: ${goSystemError('lstat', error)}`);
  });
  const { options, signal, owner } = context;
  if (owner) await refuseForeign(logPath, path, owner);
  const file = await LogFile.open(path, options.tailLines).catch((error: unknown) => {
    throw new Error(`failed to open log file ${goQuote(path)}: ${goSystemError('open', error)}`);
  });
  const writer = new LineWriter(options);
  if (!options.follow) {
    await using own = file;
    await drain(own, writer, sink, signal, () => own.lines());
    return;
  }
  await using log = new FollowedLog(path, file, context.following, context.clock, signal);
  await drain(log, writer, sink, signal, () => log.next());
}

async function drain(
  source: { rest(): Buffer | undefined },
  writer: LineWriter,
  sink: LogSink,
  signal: AbortSignal,
  next: () => Promise<Buffer[] | undefined>,
): Promise<void> {
  while (!writer.finished && !signal.aborted) {
    const lines = await next();
    const rest = lines ? undefined : source.rest();
    await sendLines(lines ?? (rest ? [rest] : []), writer, sink);
    if (!lines) return;
  }
}

async function sendLines(lines: readonly Buffer[], writer: LineWriter, sink: LogSink): Promise<void> {
  const out: Buffer[] = [];
  for (const line of lines) {
    if (writer.finished) break;
    writer.take(line, out);
  }
  if (out.length > 0) await sink(out.length === 1 ? (out[0] as Buffer) : Buffer.concat(out));
}
