import { readFile, writeFile } from 'node:fs/promises';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';

/** Kernel settings that a node needs, as kubelet sets them; the reasons stand beside each in Kubernetes' documentation. */
const WANTED: Readonly<Record<string, string>> = {
  'vm.overcommit_memory': '1',
  'vm.panic_on_oom': '0',
  'kernel.panic': '10',
  'kernel.panic_on_oops': '1',
  'kernel.keys.root_maxkeys': '1000000',
  'kernel.keys.root_maxbytes': '25000000',
};

/** Settings that differ from what a node needs, as `name is 0 and must be 1`. `procSys` is /proc/sys, or a test's directory. */
export async function kernelDifferences(procSys = '/proc/sys'): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(WANTED).map(async ([name, wanted]) => {
      const text = await readFile(`${procSys}/${name.replaceAll('.', '/')}`, 'utf8').catch(() => 'not there');
      return text.trim() === wanted ? [] : [`${name} is ${text.trim()} and must be ${wanted}`];
    }),
  );
  return found.flat();
}

/**
 * Sets the kernel settings, or with `protect` (protectKernelDefaults) only compares them. Rejects with one sentence that names every
 * setting which differs and may not or cannot be changed. `procSys` is /proc/sys, or a test's directory.
 */
export async function ensureKernelSettings(protect: boolean, log: Logger, procSys = '/proc/sys'): Promise<void> {
  const problems: string[] = [];
  for (const [name, wanted] of Object.entries(WANTED)) {
    const file = `${procSys}/${name.replaceAll('.', '/')}`;
    try {
      const found = (await readFile(file, 'utf8')).trim();
      if (found === wanted) continue;
      if (protect) {
        problems.push(`${name} is ${found} and must be ${wanted}`);
        continue;
      }
      await writeFile(file, wanted);
      log.info('kernel setting changed', { name, from: found, to: wanted });
    } catch (error) {
      problems.push(`${name} must be ${wanted}: ${errorMessage(error)}`);
    }
  }
  if (problems.length === 0) return;
  const advice = protect
    ? 'set them with sysctl, or set protectKernelDefaults to false so that the kubelet does'
    : 'set them with sysctl before the kubelet starts';
  throw new KubeletError(`kernel settings do not fit: ${problems.join('; ')}; ${advice}`, { code: 'KernelSettings' });
}
