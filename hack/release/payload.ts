import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repoRoot } from '../lib/paths.ts';

/** One file of an installed kubelet-ts: a copy of a file, a text, or a link. */
export type Entry =
  | { readonly copy: string; readonly mode: number }
  | { readonly text: string }
  | { readonly link: string };

/** The file with the administrator's arguments; a package asks before it replaces a changed one. */
export const SETTINGS = '/etc/default/kubelet';
const UNITS = '/usr/lib/systemd/system';
/** The executable's directory: it finds libraries beside itself. */
export const HOME = '/usr/lib/kubelet-ts';
export const DOC = '/usr/share/doc/kubelet-ts';

/**
 * The unit of packaging/ under the name that kubeadm's instructions use: `systemctl enable kubelet` refuses an alias. Throws when the
 * unit no longer has the lines that change.
 */
export function asKubeletService(unit: string): string {
  const install = /\[Install\]\nWantedBy=multi-user\.target\n#[^\n]*\nAlias=kubelet\.service\n$/;
  if (!install.test(unit)) throw new Error('packaging/kubelet-ts.service has another [Install] section than expected');
  return unit.replace(install, '[Install]\nWantedBy=multi-user.target\n');
}

/** All files of an installation by path. `dist` is what `npm run build` filled. */
export function payload(dist: string): Record<string, Entry> {
  const packaging = (name: string) => readFileSync(path.join(repoRoot, 'packaging', name), 'utf8');
  return {
    [`${HOME}/kubelet-ts`]: { copy: path.join(dist, 'kubelet-ts'), mode: 0o755 },
    '/usr/bin/kubelet-ts': { link: '../lib/kubelet-ts/kubelet-ts' },
    '/usr/bin/kubelet': { link: 'kubelet-ts' },
    '/usr/bin/kubectl-why': { copy: path.join(repoRoot, 'packaging/kubectl/kubectl-why'), mode: 0o755 },
    '/usr/bin/kubectl-timeline': { link: 'kubectl-why' },
    [`${UNITS}/kubelet.service`]: { text: asKubeletService(packaging('kubelet-ts.service')) },
    [`${UNITS}/kubelet-ts.service`]: { link: 'kubelet.service' },
    // Not in kubelet.service.d: that file belongs to the package kubeadm, and says the same.
    [`${UNITS}/kubelet-ts.service.d/10-kubeadm.conf`]: { text: packaging('10-kubeadm.conf') },
    [SETTINGS]: { text: packaging('kubelet.default') },
    [`${DOC}/licenses.txt.gz`]: { copy: gzipped(path.join(dist, 'licenses.txt')), mode: 0o644 },
    [`${DOC}/kubelet-ts.cdx.json.gz`]: { copy: gzipped(path.join(dist, 'kubelet-ts.cdx.json')), mode: 0o644 },
  };
}

/** Writes the files below a directory. */
export function writePayload(files: Readonly<Record<string, Entry>>, directory: string): void {
  for (const [name, entry] of Object.entries(files)) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
    if ('link' in entry) symlinkSync(entry.link, file);
    else if ('text' in entry) writeFileSync(file, entry.text, { mode: 0o644 });
    else {
      copyFileSync(entry.copy, file);
      execFileSync('chmod', [entry.mode.toString(8), file]);
    }
  }
}

function gzipped(file: string): string {
  execFileSync('gzip', ['-9nkf', file]);
  return `${file}.gz`;
}
