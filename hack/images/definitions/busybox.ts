import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../../lib/run.ts';
import { builtBusybox, busyboxBuild, busyboxPackages } from '../busyboxBuild.ts';
import { link, programs } from '../debian.ts';
import type { ImageDefinition } from '../definition.ts';

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
  'bin:x:2:2:bin:/bin:/bin/false',
  'nobody:x:65534:65534:nobody:/home:/bin/false',
];
const group = ['root:x:0:', 'daemon:x:1:', 'bin:x:2:', 'nogroup:x:65534:'];

/**
 * Fills a root file system with busybox, a link for each of its applets, and the usual few files. Programs that are there
 * already stay, except that sh is busybox's in every image: the suites expect its messages.
 */
export async function fillBusybox(root: string): Promise<void> {
  for (const directory of [
    'bin',
    'etc',
    'root',
    'usr/bin',
    'usr/sbin',
    'sbin',
    'home',
    'var/spool/mail',
    'dev',
    'proc',
    'sys',
  ]) {
    mkdirSync(path.join(root, directory), { recursive: true });
  }
  mkdirSync(path.join(root, 'tmp'), { recursive: true });
  chmodSync(path.join(root, 'tmp'), 0o1777);
  const program = await builtBusybox();
  copyFileSync(program, path.join(root, 'bin/busybox'));
  chmodSync(path.join(root, 'bin/busybox'), 0o755);
  const applets = (await run(program, ['--list'])).split('\n').filter((applet) => applet && applet !== 'busybox');
  const present = programs(root);
  rmSync(path.join(root, 'bin/sh'), { force: true });
  present.delete('sh');
  for (const applet of applets.filter((name) => !present.has(name))) {
    link(root, 'busybox', `bin/${applet}`);
    // Their tests name some of these by path; in the image they stand for, /usr/bin holds links as well.
    if (applet === 'env') link(root, '../../bin/busybox', 'usr/bin/env');
  }
  writeFileSync(path.join(root, 'etc/passwd'), `${passwd.join('\n')}\n`);
  writeFileSync(path.join(root, 'etc/group'), `${group.join('\n')}\n`);
}

/** Kubernetes' default test image. */
export const busybox: ImageDefinition = {
  name: 'busybox',
  refs: [
    'registry.k8s.io/e2e-test-images/busybox:1.37.0-1',
    'registry.k8s.io/e2e-test-images/busybox:1.36.1-1',
    'docker.io/library/busybox:latest',
    'docker.io/library/busybox:1.37',
  ],
  config: { Cmd: ['sh'] },
  groups: [],
  packages: busyboxPackages,
  inputs: [import.meta.filename, busyboxBuild],
  build: ({ root }) => fillBusybox(root),
};
