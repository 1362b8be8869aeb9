// The single executable, built from this checkout, where nothing is installed: no Node, no libraries but glibc, no runtime.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bareChecks } from '../../hack/executable/bareChecks.ts';
import { deliver } from '../../hack/executable/deliver.ts';
import { group, type TestContext, test } from '../lib/test.ts';

async function bare(t: TestContext): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kubelet-ts-e2e-executable-'));
  try {
    await deliver(directory);
    for (const [title, check] of bareChecks(directory)) {
      const work = mkdtempSync(path.join(directory, 'work-'));
      t.note(`${title}: ${await check(work)}`);
      rmSync(work, { recursive: true });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const executable = group('executable', [
  test('it runs where nothing is installed', bare, { mode: 'alone', ownLab: true }),
]);
