import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Volume, VolumeMount } from '../../src/types/k8s.ts';
import { patience } from './collection.ts';
import type { TestContext } from './test.ts';

/** The test's directory as a volume, and where containers mount it. */
export const outVolume = (t: TestContext): Volume => ({ name: 'out', hostPath: { path: t.directory } });
export const outMount: VolumeMount = { name: 'out', mountPath: '/out' };

/** A file that a container wrote below /out; empty when it is not there. */
export function written(t: TestContext, name: string): string {
  const file = path.join(t.directory, name);
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Its lines. */
export function writtenLines(t: TestContext, name: string): string[] {
  return written(t, name).split('\n').filter(Boolean);
}

/** Waits until the file's text satisfies `wanted`. */
export async function untilWritten(
  t: TestContext,
  name: string,
  wanted: (text: string) => boolean = (text) => text !== '',
): Promise<string> {
  try {
    await waitFor('', { timeout: patience, interval: 50 }, () => wanted(written(t, name)));
  } catch {
    throw new Error(`what was to be written to /out/${name} never was; it holds ${JSON.stringify(written(t, name))}`);
  }
  return written(t, name);
}
