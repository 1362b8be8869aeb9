import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { hasOptions, journalArguments, type NodeLogQuery } from './nodeLogQuery.ts';
import { openSystemFile, queriedPath } from './systemFile.ts';

/** Takes a piece of the answer; resolves when there is room for the next. */
type Sink = (piece: Buffer) => Promise<void>;

export interface NodeLogsOptions {
  /** /var/log. */
  readonly root: string;
  /** The program that reads the journal. */
  readonly journalctl: string;
  /** The client is gone, or the time is over. */
  readonly signal: AbortSignal;
}

const BLOCK = 64 * 1024;

/**
 * The logs of services: the journal's where it knows the unit, else a file that is named after the service. What goes wrong is told in
 * the answer itself, as kubelet does. Never rejects for it.
 */
export async function copyNodeLogs(query: NodeLogQuery, sink: Sink, options: NodeLogsOptions): Promise<void> {
  const say = (text: string) => sink(Buffer.from(text));
  const units = await journalUnits(options);
  const journal = query.services.filter((service) => units.includes(`${service}.service`));
  const files = query.services.filter((service) => !journal.includes(service));
  if (journal.length > 0) {
    const ran = await runInto(options, journalArguments(query, journal), sink);
    if (!ran && (query.boot ?? 0) === 0) await say('\nerror: journal output not available\n');
  }
  if (files.length > 0 && hasOptions(query)) {
    const names = `[${files.join(' ')}]`;
    await say(`\noptions present and query resolved to log files for ${names}\ntry without specifying options\n`);
    return;
  }
  for (const service of files)
    if (!(await copyFile(service, sink, options))) await say(`\nlog not found for ${service}\n`);
}

/** Every unit in the journal, as one text; empty where there is no journal. */
async function journalUnits(options: NodeLogsOptions): Promise<string> {
  const pieces: Buffer[] = [];
  const ran = await runInto(options, ['--field', '_SYSTEMD_UNIT'], async (piece) => void pieces.push(piece));
  return ran ? Buffer.concat(pieces).toString() : '';
}

/** False when the program cannot be started. What it writes goes to the sink, as fast as that takes it. */
async function runInto({ journalctl, signal }: NodeLogsOptions, args: readonly string[], sink: Sink): Promise<boolean> {
  const child = spawn(journalctl, [...args], { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
  const ended = new Promise<boolean>((resolve) => {
    // An abort is an error too: the program was there.
    child.once('error', (error) => resolve((error as { code?: string }).code === 'ABORT_ERR'));
    child.once('close', () => resolve(true));
  });
  const copy = async (stream: Readable) => {
    for await (const piece of stream) await sink(piece as Buffer);
  };
  await Promise.all([copy(child.stdout), copy(child.stderr)]).catch(() => undefined);
  return ended;
}

/** The first of `SERVICE`, `SERVICE.log` and `SERVICE/SERVICE.log` that is a file. */
async function copyFile(service: string, sink: Sink, { root, signal }: NodeLogsOptions): Promise<boolean> {
  for (const name of [service, `${service}.log`, `${service}/${service}.log`]) {
    const found = await queriedPath(root, name);
    const file = 'path' in found ? await openSystemFile(root, found.path) : undefined;
    if (!file) continue;
    try {
      const block = Buffer.allocUnsafe(BLOCK);
      for (;;) {
        const { bytesRead } = await file.read(block, 0, BLOCK, null);
        if (bytesRead === 0 || signal.aborted) return true;
        await sink(Buffer.from(block.subarray(0, bytesRead)));
      }
    } finally {
      await file.close();
    }
  }
  return false;
}
