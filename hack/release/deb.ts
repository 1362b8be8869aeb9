import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KUBERNETES_VERSION, PROGRAM_VERSION } from '../../src/config/version.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { DOC, type Entry, payload, SETTINGS, writePayload } from './payload.ts';

/** The package's control file. It stands in for the package kubelet, which kubeadm depends on. */
export function control(installedKiB: number): string {
  return `Package: kubelet-ts
Version: ${PROGRAM_VERSION}
Architecture: amd64
Maintainer: kubelet-ts maintainers <maintainers@kubelet-ts.invalid>
Installed-Size: ${installedKiB}
Section: admin
Priority: optional
Depends: libc6 (>= 2.28), libstdc++6 (>= 8), libgcc-s1, libatomic1, mount
Recommends: containerd | cri-o, iptables, iproute2
Provides: kubelet (= ${KUBERNETES_VERSION.slice(1)})
Conflicts: kubelet
Replaces: kubelet
Description: Kubernetes node agent that explains every wait
 A node agent that takes the place of kubelet ${KUBERNETES_VERSION.slice(1)}. It takes the same flags
 and configuration, talks CRI to the same runtimes, and tells of every Pod
 that is not ready what it waits for.
`;
}

/** Pods go on running while no kubelet runs, so an upgrade may restart it at any time. */
const scripts = {
  postinst: `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
  systemctl --system daemon-reload >/dev/null || true
  if [ -n "$2" ]; then deb-systemd-invoke try-restart kubelet.service >/dev/null || true; fi
fi
`,
  prerm: `#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  deb-systemd-invoke stop kubelet.service >/dev/null || true
fi
`,
  postrm: `#!/bin/sh
set -e
if [ "$1" = remove ] || [ "$1" = purge ]; then
  # Links that systemctl enable made lead nowhere now.
  rm -f /etc/systemd/system/multi-user.target.wants/kubelet.service
fi
if [ -d /run/systemd/system ]; then systemctl --system daemon-reload >/dev/null || true; fi
`,
};

function documents(epoch: number): Record<string, Entry> {
  return {
    [`${DOC}/copyright`]: { text: readFileSync(path.join(repoRoot, 'packaging/copyright'), 'utf8') },
    // What the executable has inside belongs to Node's own build, and cannot be taken from Debian.
    '/usr/share/lintian/overrides/kubelet-ts': { text: 'kubelet-ts: embedded-library *\n' },
    [`${DOC}/changelog`]: {
      text: `kubelet-ts (${PROGRAM_VERSION}) unstable; urgency=medium\n\n  * See the log of the repository.\n\n -- kubelet-ts maintainers <maintainers@kubelet-ts.invalid>  ${new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')}\n`,
    },
  };
}

/** Writes the Debian package into `out`; `work` is an empty directory. Returns its path. */
export async function makeDeb(dist: string, work: string, out: string, epoch: number): Promise<string> {
  writePayload({ ...payload(dist), ...documents(epoch) }, work);
  execFileSync('gzip', ['-9n', path.join(work, DOC, 'changelog')]);
  for (const directory of ['etc/kubernetes/manifests', 'var/lib/kubelet']) {
    mkdirSync(path.join(work, directory), { recursive: true });
  }
  const info = path.join(work, 'DEBIAN');
  const sums = md5sums(work);
  mkdirSync(info);
  writeFileSync(path.join(info, 'control'), control(kibibytes(work)));
  writeFileSync(path.join(info, 'conffiles'), `${SETTINGS}\n`);
  writeFileSync(path.join(info, 'md5sums'), sums);
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(path.join(info, name), text);
    chmodSync(path.join(info, name), 0o755);
  }
  await run('chmod', ['-R', 'u+rwX,go+rX,go-w', work]);
  const file = path.join(out, `kubelet-ts_${PROGRAM_VERSION}_amd64.deb`);
  const pack = ['--root-owner-group', '--threads-max=1', '-Zxz', '-z2', '--build', work, file];
  await run('dpkg-deb', pack, { env: { SOURCE_DATE_EPOCH: String(epoch) } });
  return file;
}

function regularFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();
}

/** dpkg --verify compares with these; settings are not in them. */
function md5sums(directory: string): string {
  const lines = regularFiles(directory).map((name) => {
    const sum = createHash('md5')
      .update(readFileSync(path.join(directory, name)))
      .digest('hex');
    return `/${name}` === SETTINGS ? '' : `${sum}  ${name}\n`;
  });
  return lines.join('');
}

function kibibytes(directory: string): number {
  const bytes = regularFiles(directory).reduce((sum, name) => sum + readFileSync(path.join(directory, name)).length, 0);
  return Math.ceil(bytes / 1024);
}
