import { spawn } from 'node:child_process';
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Cluster } from '../../hack/cluster/state.ts';
import type { Tools } from '../../hack/tools/ensure.ts';
import { GinkgoOutput, type SpecReport } from './ginkgoOutput.ts';
import type { Batch } from './schedule.ts';
import { suiteCommand } from './suite.ts';

export interface BatchRun {
  cluster: Cluster;
  tools: Tools;
  batch: Batch;
  /** A directory of its own: working directory and log of the suite's process. */
  work: string;
  /** Aborting it kills the process; what has not ended is not reported. */
  signal: AbortSignal;
  /** Called as soon as a spec has ended. */
  report(spec: SpecReport): void;
}

/** More than the longest spec of the lists (with its clean-up) takes. */
const secondsPerSpec = 900;

/**
 * Runs a batch in one process of its suite. Returns the names that the process did not report, because it was killed,
 * crashed, or does not know them; throws when the suite itself could not begin.
 */
export async function runBatch({ cluster, tools, batch, work, signal, report }: BatchRun): Promise<string[]> {
  mkdirSync(work, { recursive: true });
  const names = batch.specs.map(({ name }) => name);
  const output = new GinkgoOutput(names);
  const missing = new Set(names);
  const take = (spec: SpecReport | undefined): void => {
    if (!spec || !missing.delete(spec.name)) return;
    report(spec);
  };
  const seconds = secondsPerSpec * names.length;
  const [command = '', ...args] = suiteCommand(cluster, tools, batch, seconds, work);
  const path0 = `${tools.dir('kubectl')}:${process.env.PATH}`;
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PATH: path0 } });
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  const log = path.join(work, 'suite.log');
  child.stderr.on('data', (chunk: Buffer) => appendFileSync(log, chunk));
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot run ${command}: ${error.message}`)));
    child.on('close', () => resolve());
  });
  for await (const line of createInterface({ input: child.stdout })) {
    appendFileSync(log, `${/^S{80,}$/.test(line) ? 'S…' : line}\n`);
    take(output.line(line));
  }
  await ended;
  signal.removeEventListener('abort', kill);
  take(output.end());
  if (output.setupFailure && !signal.aborted) throw new Error(`${output.setupFailure} (${log})`);
  return [...missing];
}
