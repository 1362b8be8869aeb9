// Log files of fake containers, in the CRI log format.
import { appendFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FakeContainer } from './world.ts';

/** Appends lines to the container's log, if the directory for it exists (making it is the kubelet's work). */
export function appendLog(c: FakeContainer, stream: 'stdout' | 'stderr', lines: string[], ns: bigint): void {
  const path = logFile(c);
  if (lines.length === 0 || path === undefined || !existsSync(dirname(path))) return;
  appendFileSync(path, lines.map((line) => `${rfc3339Nano(ns)} ${stream} F ${line}\n`).join(''));
}

function logFile(c: FakeContainer): string | undefined {
  return c.logDirectory && c.config.logPath ? join(c.logDirectory, c.config.logPath) : undefined;
}

function rfc3339Nano(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${(ns % 1_000_000_000n).toString().padStart(9, '0')}Z`;
}
