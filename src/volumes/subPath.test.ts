import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeMounter } from '../lib/fake/mounter.ts';
import { childPath } from '../lib/linux/pathBytes.ts';
import { removeTree } from '../lib/linux/removeTree.ts';
import type { StoredPod } from '../types/k8s.ts';
import { createVolumeManager } from './manager.ts';

let root: string;
let volume: string;
let mounter: FakeMounter;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'subpath-')));
  volume = join(root, 'pods/u/volumes/kubernetes.io~empty-dir/v');
  mkdirSync(volume, { recursive: true });
  mounter = new FakeMounter();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const pod = { metadata: { name: 'p', namespace: 'n', uid: 'u' }, spec: { containers: [] } } as StoredPod;
const prepare = (subPath: string, mountIndex = 0) => {
  const mounted = { name: 'v', hostPath: volume, digest: '', tmpfs: false };
  return createVolumeManager({ root, mounter }).prepareSubPath(pod, { container: 'c', mountIndex, subPath, mounted });
};
const target = (index = 0) => join(root, 'pods/u/volume-subpaths/v/c', String(index));

test('binds a file to a file and a directory to a directory', async () => {
  writeFileSync(join(volume, 'f'), '');
  mkdirSync(join(volume, 'd'));
  await expect(prepare('f', 0)).resolves.toBe(target(0));
  await expect(prepare('d', 1)).resolves.toBe(target(1));
  expect(statSync(target(0)).mode).toBe(0o100640);
  expect(statSync(target(1)).mode).toBe(0o40750);
  expect(mounter.calls).toEqual([`mount bind ${target(0)}`, `mount bind ${target(1)}`]);
});

test('makes a missing directory with the mode of the volume', async () => {
  chmodSync(volume, 0o2775);
  await prepare('a/b');
  expect(statSync(join(volume, 'a')).mode & 0o7777).toBe(0o2775);
  expect(statSync(join(volume, 'a/b')).mode & 0o7777).toBe(0o2775);
});

test('a link inside the volume may lead to a name that is no UTF-8', async () => {
  const odd = Buffer.from('d\xff', 'latin1');
  mkdirSync(childPath(Buffer.from(volume), odd));
  symlinkSync(odd, join(volume, 'in'));
  await expect(prepare('in')).resolves.toBe(target());
  await removeTree(volume, new AbortController().signal);
});

test('links inside the volume are followed, links out of it are not', async () => {
  mkdirSync(join(volume, 'real'));
  symlinkSync('real', join(volume, 'in'));
  symlinkSync('/etc', join(volume, 'out'));
  symlinkSync('../../../..', join(volume, 'up'));
  await prepare('in');
  for (const path of ['out', 'out/passwd', 'up', 'up/u']) {
    await expect(prepare(path, 1)).rejects.toThrow('failed to prepare subPath for volumeMount "v" of container "c"');
  }
  await expect(prepare('out/new', 1)).rejects.toThrow(
    'failed to create subPath directory for volumeMount "v" of container "c"',
  );
  expect(mounter.calls).toHaveLength(1);
});

test.each([
  ['/abs', 'error SubPath `/abs` must not be an absolute path'],
  ['a/../../b', "unable to provision SubPath `a/../../b`: must not contain '..'"],
])('refuses %s', async (path, message) => {
  await expect(prepare(path)).rejects.toMatchObject({ message, reason: 'CreateContainerConfigError' });
});

test('a failed mount leaves no target behind, and messages name no host path', async () => {
  mounter.failNext('mount bind', 12);
  const error = await prepare('d').catch((thrown) => thrown);
  expect(error.message).toBe('failed to prepare subPath for volumeMount "v" of container "c"');
  expect(error.message).not.toContain(root);
  expect(readdirSync(join(root, 'pods/u/volume-subpaths/v/c'))).toEqual([]);
  await prepare('d');
});

test('another file bound there is replaced', async () => {
  await prepare('d');
  await prepare('d');
  // The fake binds nothing, so the target is never the same file as the source.
  expect(mounter.calls.filter((call) => call.startsWith('unmount'))).toEqual([`unmount ${target()}`]);
  expect(await mounter.list()).toHaveLength(1);
});
