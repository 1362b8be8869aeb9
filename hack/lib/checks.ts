import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { say } from './log.ts';

/** A thing to check, by title; resolves with a note on what was seen, rejects when it does not hold. */
export type Check = readonly [title: string, run: (work: string) => Promise<string>];

/** Runs checks one after another, each with an empty directory that is removed afterwards; ends with `N passed, N failed`. */
export async function runChecks(checks: readonly Check[]): Promise<void> {
  let failed = 0;
  for (const [title, run] of checks) {
    const work = mkdtempSync(path.join(tmpdir(), 'kubelet-ts-check-'));
    try {
      say(`passed ${title}: ${await run(work)}`);
    } catch (error) {
      failed++;
      say(`FAILED ${title}: ${error instanceof Error ? error.message : error}`);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 ? 1 : 0;
}
