import { step } from './log.ts';
import { run, tryRun, which } from './run.ts';

async function isInstalled(name: string): Promise<boolean> {
  const { stdout } = await tryRun('dpkg-query', ['-W', '-f', '${Status}', name]);
  return stdout.endsWith('install ok installed');
}

/** Installs the Debian packages that are missing. Elsewhere than on Debian it only says which ones are needed. */
export async function ensurePackages(names: readonly string[]): Promise<void> {
  if (!(await which('dpkg-query'))) {
    throw new Error(`this machine has no dpkg: install what these Debian packages hold by hand: ${names.join(' ')}`);
  }
  const missing: string[] = [];
  for (const name of names) if (!(await isInstalled(name))) missing.push(name);
  if (missing.length === 0) return;
  await step(`apt: installing ${missing.join(' ')}`, async (note) => {
    const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, onLine: note };
    const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...missing];
    if ((await tryRun('apt-get', install, options)).code === 0) return;
    await run('apt-get', ['update', '-q'], options); // the package lists may be old or absent
    await run('apt-get', install, options);
  });
}
