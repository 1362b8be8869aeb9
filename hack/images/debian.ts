import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDir } from '../lib/paths.ts';
import { run } from '../lib/run.ts';

/** Pulled in by dependencies, and of no use in a test image. */
const useless =
  /^(perl|perl-base|perl-modules-.*|libperl.*|libfile-find-rule-perl|libtext-glob-perl|libnumber-compare-perl|usrmerge|usr-is-merged|debconf|dpkg|gcc-.*-base|init-system-helpers|libdb5.3|libgdbm.*|mawk)$/;

export interface DebianOptions {
  /** Packages from `useless` that the image does need. */
  keep?: RegExp;
}

/** apt's options for a machine on which nothing is installed, with a download directory of our own. */
function aptOptions(archives: string): string[] {
  const status = path.join(archives, 'no-status');
  if (!existsSync(status)) writeFileSync(status, '');
  return [
    ...['-y', '--no-install-recommends'],
    ...['-o', `Dir::State::status=${status}`, '-o', `Dir::Cache::archives=${archives}`, '-o', 'Debug::NoLocking=1'],
  ];
}

/**
 * Unpacks Debian packages and what they depend on into a root file system. Nothing of them is run: no maintainer scripts,
 * so alternatives and users are the caller's business. Downloads are kept in the cache.
 */
export async function unpackDebian(
  root: string,
  packages: readonly string[],
  options: DebianOptions = {},
): Promise<void> {
  const archives = path.join(cacheDir(), 'debs');
  const none = path.join(archives, 'none'); // apt lists only what is not in its download directory
  for (const directory of [archives, none]) mkdirSync(path.join(directory, 'partial'), { recursive: true });
  const list = (): Promise<string> => run('apt-get', ['install', ...aptOptions(none), '--print-uris', ...packages]);
  const listing = await list().catch(async () => {
    await run('apt-get', ['update', '-q']); // the package lists may be old or absent
    return list();
  });
  const files = listing
    .split('\n')
    .filter((line) => line.startsWith("'"))
    .map((line) => line.split(' ')[1] ?? '');
  if (files.length === 0) throw new Error(`apt names no files for ${packages.join(' ')}`);
  await run('apt-get', ['install', ...aptOptions(archives), '--download-only', ...packages]);
  for (const directory of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(path.join(root, 'usr', directory), { recursive: true });
    if (!existsSync(path.join(root, directory))) symlinkSync(`usr/${directory}`, path.join(root, directory));
  }
  for (const file of files) {
    const name = file.split('_')[0] ?? '';
    if (useless.test(name) && !options.keep?.test(name)) continue;
    const deb = path.join(archives, file);
    // Not dpkg-deb -x: it would replace the links that lead into /usr.
    await run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" | tar -C "$1" --keep-directory-symlink -xf -', deb, root]);
  }
  await removeDocumentation(root);
}

async function removeDocumentation(root: string): Promise<void> {
  const directories = ['doc', 'man', 'info', 'locale', 'lintian', 'bug'].map((name) =>
    path.join(root, 'usr/share', name),
  );
  await run('rm', ['-rf', ...directories, path.join(root, 'usr/lib/x86_64-linux-gnu/gconv')]);
}

/** The names in /bin, /sbin and their namesakes below /usr. */
export function programs(root: string): Set<string> {
  const directories = ['bin', 'sbin', 'usr/bin', 'usr/sbin'].map((name) => path.join(root, name));
  return new Set(directories.filter((name) => existsSync(name)).flatMap((name) => readdirSync(name)));
}

/** Makes a link unless there is something. */
export function link(root: string, target: string, name: string): void {
  const file = path.join(root, name);
  if (!lstatSync(file, { throwIfNoEntry: false })) symlinkSync(target, file);
}
