// node hack/release/check.ts: installs, upgrades and removes what `npm run release` made, in a minimal Debian that holds nothing else.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KUBERNETES_VERSION } from '../../src/config/version.ts';
import { BareAgent, inRoot } from '../executable/bareAgent.ts';
import { makeRoot } from '../executable/roots.ts';
import { type Check, runChecks } from '../lib/checks.ts';
import { main } from '../lib/log.ts';
import { repoRoot } from '../lib/paths.ts';
import { run, tryRun } from '../lib/run.ts';
import { lintian } from './lintian.ts';
import { ENTRYPOINT, unpackOciImage } from './ociImage.ts';
import { SETTINGS } from './payload.ts';

const RELEASE = path.join(repoRoot, 'dist/release');
const VERSION = `Kubernetes ${KUBERNETES_VERSION}\n`;
/** Where things lie that are no part of the system in the root; package databases and logs change by themselves. */
const STAGE = '/stage';
const NOT_COMPARED = [STAGE, '/var/lib/dpkg', '/var/log', '/var/cache', '/proc', '/sys', '/dev', '/tmp', '/run'];

function released(suffix: string): string {
  const name = existsSync(RELEASE) && readdirSync(RELEASE).find((each) => each.endsWith(suffix));
  if (!name) throw new Error(`no ${suffix} in ${RELEASE}: npm run release`);
  return path.join(RELEASE, name);
}

async function makeStage(work: string): Promise<string> {
  const root = path.join(work, 'root');
  await makeRoot('bookworm', root);
  mkdirSync(path.join(root, STAGE));
  return root;
}

function inside(root: string, ...command: string[]): Promise<string> {
  const [program = '', ...args] = inRoot(root, command);
  return run(program, args, { env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
}

/** Every path of the system with its type and what a link leads to. */
async function files(root: string): Promise<string[]> {
  const prune = NOT_COMPARED.flatMap((name) => ['-path', `.${name}`, '-o']);
  const found = await run('find', ['.', '(', ...prune, '-false', ')', '-prune', '-o', '-printf', '%p %y %l\\n'], {
    cwd: root,
  });
  const all = found.split('\n').sort();
  assert.ok(all.length > 1000, 'the system was not listed');
  return all;
}

/** Packages that ours asks for and a minimal Debian lacks, as files; and one that asks for a kubelet, as kubeadm's does. */
async function otherPackages(root: string): Promise<void> {
  const stage = path.join(root, STAGE);
  await run('apt-get', ['download', 'libatomic1'], { cwd: stage });
  mkdirSync(path.join(stage, 'kubeadm/DEBIAN'), { recursive: true });
  const control =
    'Package: kubeadm\nVersion: 1.36.3-1.1\nArchitecture: all\nMaintainer: x <x@x.invalid>\nDescription: x\n';
  writeFileSync(path.join(stage, 'kubeadm/DEBIAN/control'), `${control}Depends: kubelet (>= 1.19.0)\n`);
  await run('dpkg-deb', ['--build', 'kubeadm', 'kubeadm.deb'], { cwd: stage });
}

async function debianPackage(work: string): Promise<string> {
  const root = await makeStage(work);
  await otherPackages(root);
  await run('cp', [released('.deb'), path.join(root, STAGE, 'kubelet-ts.deb')]);
  await inside(root, 'sh', '-c', `dpkg -i ${STAGE}/libatomic1*.deb`);
  const before = await files(root);
  await inside(root, 'dpkg', '-i', `${STAGE}/kubelet-ts.deb`, `${STAGE}/kubeadm.deb`);
  assert.equal(await inside(root, 'dpkg', '--verify', 'kubelet-ts'), '');
  assert.equal(await inside(root, 'kubelet', '--version'), VERSION);
  appendFileSync(path.join(root, SETTINGS), 'KUBELET_EXTRA_ARGS=--v=3\n');
  await inside(root, 'dpkg', '-i', `${STAGE}/kubelet-ts.deb`);
  assert.match(readFileSync(path.join(root, SETTINGS), 'utf8'), /--v=3/, 'settings after an upgrade');
  await run('systemctl', [`--root=${root}`, 'enable', 'kubelet']);
  await inside(root, 'dpkg', '--purge', 'kubeadm', 'kubelet-ts');
  assert.deepEqual(await files(root), before);
  return 'installed, verified, upgraded, purged';
}

async function tarball(work: string): Promise<string> {
  const root = await makeStage(work);
  await run('tar', ['-xf', released('.tar.xz'), '-C', path.join(root, STAGE), '--strip-components=1']);
  const install = (...args: string[]) => inside(root, `${STAGE}/install.sh`, ...args);
  const before = await files(root);
  await install();
  assert.equal(await inside(root, 'kubelet', '--version'), VERSION);
  const libraries = readdirSync(path.join(root, 'usr/lib/kubelet-ts')).filter((name) => name.includes('.so'));
  assert.deepEqual(libraries, ['libatomic.so.1'], 'only what the system lacks');
  appendFileSync(path.join(root, SETTINGS), 'KUBELET_EXTRA_ARGS=--v=3\n');
  const old = '/usr/lib/kubelet-ts/of-an-older-version';
  writeFileSync(path.join(root, old), '');
  appendFileSync(path.join(root, 'usr/lib/kubelet-ts/installed'), `f ${old}\n`);
  await install();
  assert.equal(await inside(root, 'kubelet', '--version'), VERSION);
  assert.ok(!existsSync(path.join(root, old)), 'a file that only the older version had');
  assert.match(readFileSync(path.join(root, SETTINGS), 'utf8'), /--v=3/, 'settings after an upgrade');
  await install('remove');
  assert.deepEqual(await files(root), before);
  await refusesForeign(root);
  return 'installed, upgraded, removed';
}

/** Another kubelet's files are not overwritten. */
async function refusesForeign(root: string): Promise<void> {
  const foreign = path.join(root, 'usr/bin/kubelet');
  writeFileSync(foreign, 'the other one');
  const before = await files(root);
  const [program = '', ...args] = inRoot(root, [`${STAGE}/install.sh`]);
  const { code, stderr } = await tryRun(program, args);
  assert.equal(code, 1);
  assert.match(stderr, /\/usr\/bin\/kubelet is there .* remove the other kubelet first/);
  assert.equal(readFileSync(foreign, 'utf8'), 'the other one');
  assert.deepEqual(await files(root), before);
}

/** Programs of the image that volumes and user namespaces need. */
const RUN_BY_KUBELET = [
  'mount',
  'mkfs.ext4',
  'mkfs.xfs',
  'resize2fs',
  'xfs_growfs',
  'mount.nfs',
  'iscsiadm',
  'getsubids',
];

async function ociImage(work: string): Promise<string> {
  const [layout, root] = [path.join(work, 'layout'), path.join(work, 'root')];
  for (const directory of [layout, root]) mkdirSync(directory);
  assert.deepEqual(await unpackOciImage(released('.oci.tar'), layout, root), [ENTRYPOINT]);
  assert.equal(await inside(root, ENTRYPOINT, '--version'), VERSION);
  await inside(root, 'sh', '-c', `for program in ${RUN_BY_KUBELET.join(' ')}; do command -v $program; done`);
  await inside(root, 'mkfs.ext4', '-V');
  await using agent = await BareAgent.start(root, ENTRYPOINT);
  assert.equal(await agent.end(), 0);
  return 'has the programs that volumes need, and its entry point starts';
}

async function remarks(work: string): Promise<string> {
  const said = await lintian(released('.deb'), work);
  return `no error; ${said.split('\n').filter((line) => line.startsWith('W: ')).length} warnings`;
}

const all: Check[] = [
  ['the Debian package comes and goes, and kubeadm may depend on it', debianPackage],
  ['lintian finds no error in it', remarks],
  ['the archive is installed, upgraded and removed, and nothing is left', tarball],
  ['the OCI image is one whose entry point is a kubelet', ociImage],
];
await main(() => runChecks(all));
