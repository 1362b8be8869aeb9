import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage } from '../../lib/errors.ts';
import type { Container } from '../../types/k8s.ts';
import type { Services } from './services.ts';

/** The name of a fresh file for each attempt, as kubelet's makeMounts gives it. */
export function terminationLog(podDir: string, container: Container): string | null {
  if (!container.terminationMessagePath) return null;
  return join(podDir, 'containers', container.name, randomBytes(4).toString('hex'));
}

/** Makes the file, writable by any user of the container. */
export async function makeTerminationLog(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o750 });
  await writeFile(path, '', { flag: 'wx' });
  await chmod(path, 0o666);
}

/** A file that cannot be removed must not hide why there is no container: it goes with the Pod's directory. */
export async function removeTerminationLog({ log }: Services, path: string): Promise<void> {
  await rm(path, { force: true }).catch((error) =>
    log.warn('the termination log of a container that was not made stays', { path, error: errorMessage(error) }),
  );
}
