import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { withLock } from '../lib/lock.ts';
import { step } from '../lib/log.ts';
import { cacheDir } from '../lib/paths.ts';
import { run, tryRun } from '../lib/run.ts';

/** Debian packages that the build needs. */
export const busyboxPackages = ['gcc', 'libc6-dev', 'make', 'bzip2'];

/** The file that an image with this busybox depends on. */
export const busyboxBuild = import.meta.filename;

/** The machine's own package sources, asked for source packages instead; a configuration for apt beside the machine's. */
function sourceConfiguration(work: string): string {
  const parts = path.join(work, 'sources');
  mkdirSync(parts);
  mkdirSync(path.join(work, 'lists/partial'), { recursive: true });
  const take = (file: string): void => {
    const text = readFileSync(file, 'utf8')
      .replace(/^Types:.*$/gm, 'Types: deb-src')
      .replace(/^deb\s/gm, 'deb-src ');
    writeFileSync(path.join(parts, path.basename(file)), text);
  };
  const directory = '/etc/apt/sources.list.d';
  const files = existsSync(directory) ? readdirSync(directory).map((name) => path.join(directory, name)) : [];
  for (const file of ['/etc/apt/sources.list', ...files]) {
    if (/\.(list|sources)$/.test(file) && existsSync(file)) take(file);
  }
  const file = path.join(work, 'apt.conf');
  const settings = {
    'Dir::Etc::sourcelist': '-',
    'Dir::Etc::sourceparts': parts,
    'Dir::State::lists': path.join(work, 'lists'),
    'APT::Sandbox::User': 'root',
  };
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  );
  return file;
}

/** Downloads and unpacks upstream's source; returns its directory. */
async function unpackSource(work: string): Promise<string> {
  const env = { APT_CONFIG: sourceConfiguration(work) };
  await tryRun('apt-get', ['update', '-q'], { env }); // a source without source packages is no matter: what counts is the next line
  await run('apt-get', ['source', '-q', '--download-only', 'busybox'], {
    env,
    cwd: work,
  });
  const archive = readdirSync(work).find((name) => /^busybox_.*\.orig\.tar\.\w+$/.test(name));
  if (!archive) throw new Error('the source package of busybox holds no upstream archive');
  const source = path.join(work, 'source');
  mkdirSync(source);
  await run('tar', ['-xf', path.join(work, archive), '-C', source, '--strip-components=1']);
  return source;
}

/** Upstream's default configuration, in one static program. */
async function configure(source: string, env: Record<string, string>): Promise<void> {
  await run('make', ['-s', 'defconfig'], { cwd: source, env });
  const file = path.join(source, '.config');
  const text = readFileSync(file, 'utf8')
    .replace('# CONFIG_STATIC is not set', 'CONFIG_STATIC=y')
    .replace('CONFIG_TC=y', '# CONFIG_TC is not set') // its headers left the kernel with 6.8
    // sendfile from a pipe into a file loses data on some kernels; without it cat copies in the usual way.
    .replace('CONFIG_FEATURE_USE_SENDFILE=y', '# CONFIG_FEATURE_USE_SENDFILE is not set');
  writeFileSync(file, text);
}

async function build(target: string): Promise<void> {
  const work = `${target}.work`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const source = await unpackSource(work);
  const env = { KCONFIG_NOTIMESTAMP: '1' };
  await configure(source, env);
  await run('make', ['-s', `-j${availableParallelism()}`], {
    cwd: source,
    env,
  });
  copyFileSync(path.join(source, 'busybox'), `${target}.tmp`);
  chmodSync(`${target}.tmp`, 0o755);
  renameSync(`${target}.tmp`, target);
  rmSync(work, { recursive: true });
}

/**
 * The path of a static busybox of upstream's source, which is built the first time. Debian's own program will not do: its
 * shell drops environment variables whose names are no identifiers, and it has no nmeter; Kubernetes' specs look for both.
 */
export async function builtBusybox(): Promise<string> {
  const hash = createHash('sha256').update(readFileSync(busyboxBuild)).digest('hex').slice(0, 8);
  const target = path.join(cacheDir(), `busybox-${hash}`);
  if (existsSync(target)) return target;
  await withLock(`${target}.lock`, 1_800_000, async () => {
    if (!existsSync(target)) await step('building busybox', () => build(target));
  });
  return target;
}
