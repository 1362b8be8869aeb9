import { readFileSync } from 'node:fs';
import { run, tryRun } from '../lib/run.ts';

export interface Mount {
  target: string;
  type: string;
  source: string;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The mounts of a mountinfo file, in the order in which they were made. */
export function parseMounts(mountinfo: string): Mount[] {
  return mountinfo
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ');
      const [type = '', source = ''] = right.split(' ');
      return { target: unescapeOctal(left.split(' ')[4] ?? ''), type, source: unescapeOctal(source) };
    });
}

/** This process's mounts in the order in which they were made. */
export function mounts(): Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** The mounts at or below a directory, the last one made first: the order in which they can be unmounted. */
export function mountsBelow(directory: string): Mount[] {
  return mounts()
    .filter(({ target }) => target === directory || target.startsWith(`${directory}/`))
    .reverse();
}

/** Unmounts everything at or below a directory (busy ones lazily); throws when something stays. */
export async function unmountBelow(directory: string): Promise<void> {
  for (const { target } of mountsBelow(directory)) {
    if ((await tryRun('umount', ['-n', target])).code !== 0) await run('umount', ['-n', '-l', target]);
  }
  const rest = mountsBelow(directory);
  if (rest.length > 0) throw new Error(`still mounted: ${rest.map(({ target }) => target).join(' ')}`);
}
