import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../../lib/fake/until.ts';
import { FakeVolumes, podOf, volumeOf } from '../fake/attachedKind.ts';
import { persistentKinds } from '../kinds.ts';
import { hostPathKind } from './hostPath.ts';
import { localKind } from './local.ts';
import { nfsKind } from './nfs.ts';

const [a, b] = [podOf('a'), podOf('b')];
const all = [hostPathKind, localKind, nfsKind];

describe('local', () => {
  const setUp = () => {
    const node = new FakeVolumes(all);
    const path = join(node.root, 'disk');
    mkdirSync(path);
    const target = (uid: string) => join(node.root, 'pods', uid, 'volumes/kubernetes.io~local-volume/pv');
    return { node, path, target, spec: volumeOf('pv', { local: { path } }) };
  };

  test('a directory is bound into each Pod, once, and its files stay when it is taken back', async () => {
    const { node, path, target, spec } = setUp();
    using _node = node;
    writeFileSync(join(path, 'file'), 'data');
    for (const pod of [a, b, a])
      expect(await node.have(pod, spec, localKind)).toEqual({ path: target(pod.metadata.uid), seLinuxRelabel: true });
    expect(node.mounter.calls.filter((call) => call.startsWith('mount'))).toEqual([
      `mount bind ${target('a')}`,
      `mount bind ${target('b')}`,
    ]);
    await node.leave(a);
    expect([existsSync(target('a')), existsSync(target('b')), existsSync(join(path, 'file'))]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('what is in a directory that is not mounted any more is never removed', async () => {
    const { node, target, spec } = setUp();
    using _node = node;
    await node.have(a, spec, localKind);
    writeFileSync(join(target('a'), 'file'), 'data');
    await expect(node.leave(a)).rejects.toThrow('UnmountVolume.TearDown failed for volume "pv" : ENOTEMPTY');
    expect(existsSync(join(target('a'), 'file'))).toBe(true);
  });

  test('read-only and mount options; the options are set again after a kill between the steps', async () => {
    const { node, path, target } = setUp();
    using _node = node;
    await node.have(a, volumeOf('pv', { local: { path } }, { readOnly: true }), localKind);
    expect(node.mounter.calls).toEqual([`mount bind ${target('a')}`, `mount bind ${target('a')}`]);
    const options = volumeOf('pv', { local: { path }, mountOptions: ['noexec', 'noatime'] });
    await node.have(b, options, localKind);
    expect(node.programs).toEqual([`mount -o bind,noatime,noexec -- ${path} ${target('b')}`]);
  });

  test('the fsGroup is the first Pod’s; a second one with another is told', async () => {
    const { node, spec } = setUp();
    using _node = node;
    await node.have(a, spec, localKind);
    await node.have(podOf('b', { securityContext: { fsGroup: 4711 } }), spec, localKind);
    expect(node.events).toEqual([
      {
        type: 'Warning',
        reason: 'AlreadyMountedVolume',
        message: expect.stringMatching(
          /^The requested fsGroup is 4711, but the volume pv has GID \d+\. The volume may not be shareable\.$/,
        ),
      },
    ]);
  });

  test('a path that does not exist is told as by kubelet, and nothing is left of it', async () => {
    const { node, path } = setUp();
    using _node = node;
    const spec = volumeOf('pv', { local: { path: `${path}/none` } });
    await expect(node.have(a, spec, localKind)).rejects.toThrow(
      `MountVolume.NewMounter initialization failed for volume "pv" : path "${path}/none" does not exist`,
    );
    const raw = volumeOf('raw', { local: { path: `${path}/none` } }, { mode: 'Block' });
    await expect(node.have(a, raw, localKind)).rejects.toThrow(
      `MapVolume.EvalHostSymlinks failed for volume "raw" : lstat ${path}/none: no such file or directory`,
    );
    await node.leave(a);
    node.volumes.sourcesSynced();
    await until(() => node.volumes.size === 0);
  });

  test.each([
    ['a file', '', 'only directory and block device are supported'],
    ['a path with a step back', '/../disk', "must not contain '..'"],
  ])('%s is refused', async (_name, suffix, message) => {
    const { node, path } = setUp();
    using _node = node;
    writeFileSync(join(node.root, 'file'), '');
    const where = suffix === '' ? join(node.root, 'file') : path + suffix;
    await expect(node.have(a, volumeOf('pv', { local: { path: where } }), localKind)).rejects.toThrow(message);
    await node.leave(a);
    expect(node.mounter.calls).toEqual(expect.not.arrayContaining([expect.stringMatching(/^mount/)]));
  });

  test('after a restart what Pods have, and what is mounted for all, is found', async () => {
    const { node, target, spec } = setUp();
    using _node = node;
    await node.have(a, spec, localKind);
    mkdirSync(join(node.root, 'pods/b/volumeDevices/kubernetes.io~local-volume/raw'), { recursive: true });
    mkdirSync(join(node.root, 'plugins/kubernetes.io~local-volume/volumeDevices/raw/c'), { recursive: true });
    mkdirSync(join(node.root, 'plugins/kubernetes.io/local-volume/mounts/whole'), { recursive: true });
    mkdirSync(join(node.root, 'pods/b/volumes/kubernetes.io~local-volume/..odd name'), { recursive: true });
    const found = await localKind.reconstruct(node.host);
    const shown = found.map(({ uniqueName, mode, staged, pods }) => [uniqueName, mode, staged, pods]);
    expect(shown.sort()).toEqual([
      ['kubernetes.io/local-volume/pv', 'Filesystem', false, ['a']],
      ['kubernetes.io/local-volume/raw', 'Block', false, ['b', 'c']],
      ['kubernetes.io/local-volume/whole', 'Filesystem', true, []],
    ]);
    const again = node.open(all);
    await again.rebuild();
    expect([...again.holders()].sort()).toEqual(['a', 'b', 'c']);
    await node.leave(a);
    expect([existsSync(target('a')), await node.mounter.list()]).toEqual([false, []]);
  });
});

describe('nfs', () => {
  const spec = volumeOf('pv', { nfs: { server: 'fd00::1', path: '/export' }, mountOptions: ['nfsvers=4.2'] });
  const at = (node: FakeVolumes) => join(node.root, 'pods/a/volumes/kubernetes.io~nfs/pv');

  test('it is mounted by a program, once', async () => {
    using node = new FakeVolumes(all);
    node.answer = async () => {
      await node.mounter.mount({ source: 's:/e', target: at(node), fsType: 'nfs' });
      return {};
    };
    for (let i = 0; i < 2; i++) expect(await node.have(a, spec, nfsKind)).toEqual({ path: at(node) });
    const again = node.open(all);
    await again.rebuild();
    expect(await node.have(a, spec, nfsKind)).toEqual({ path: at(node) });
    expect(node.programs).toEqual([`mount -t nfs -o nfsvers=4.2 -- [fd00::1]:/export ${at(node)}`]);
  });

  test('a server that would be an option of mount is refused', async () => {
    using node = new FakeVolumes(all);
    const hostile = volumeOf('pv', { nfs: { server: '-obind', path: '/etc' } });
    await expect(node.have(a, hostile, nfsKind)).rejects.toThrow('"-obind" is no name of an NFS server');
    expect(node.programs).toEqual([]);
  });

  test('what mount says is in the Event', async () => {
    using node = new FakeVolumes(all);
    node.answer = () => ({ code: 32, output: 'mount.nfs: Connection refused' });
    const error: Error = await node.have(a, spec, nfsKind).catch((thrown) => thrown);
    expect(error.message).toBe(
      `MountVolume.SetUp failed for volume "pv" : mount failed: exit status 32\nMounting command: mount\nMounting arguments: -t nfs -o nfsvers=4.2 [fd00::1]:/export ${at(node)}\nOutput: mount.nfs: Connection refused\n`,
    );
  });

  test('a subPath is not opened before the server has answered', async () => {
    using node = new FakeVolumes(all);
    const path = join(at(node), 'sub');
    await node.volumes.askServer(join(node.root, 'pods/a/volumes/kubernetes.io~empty-dir/v'));
    expect(node.programs).toEqual([]);
    await node.volumes.askServer(path);
    expect(node.programs).toEqual([`stat -- ${path}`]);
    node.answer = () => ({ code: null, killed: true });
    await expect(node.volumes.askServer(path)).rejects.toThrow(`the server of ${path} did not answer within 30s`);
  });

  test('a server that is dead: umount is forced after its time, without a look at the path, and holds up nobody else', async () => {
    using node = new FakeVolumes(all);
    await node.volumes.rebuild();
    await node.have(a, spec, nfsKind);
    await node.mounter.mount({ source: 's:/e', target: at(node), fsType: 'nfs' });
    const dead = Promise.withResolvers<void>();
    node.answer = async ({ args }) => {
      if (!args.includes('--force')) {
        await dead.promise;
        return { code: null, killed: true };
      }
      await node.mounter.unmount(at(node));
      return {};
    };
    const leaving = node.leave(a);
    const path = join(node.root, 'disk');
    mkdirSync(path);
    await node.have(b, volumeOf('other', { local: { path } }), localKind);
    dead.resolve();
    await leaving;
    const umount = `--internal-only --no-canonicalize ${at(node)}`;
    expect(node.programs.slice(1)).toEqual([`umount ${umount}`, `umount --force ${umount}`]);
    expect(existsSync(at(node))).toBe(false);
  });
});

test('hostPath behind a claim is the path itself, of the type that it says', async () => {
  using node = new FakeVolumes(all);
  const path = join(node.root, 'made');
  const spec = volumeOf('pv', { hostPath: { path, type: 'DirectoryOrCreate' } });
  expect(await node.have(a, spec, hostPathKind)).toEqual({ path });
  expect(existsSync(path)).toBe(true);
  await node.leave(a);
  expect(existsSync(path)).toBe(true);
  expect(node.mounter.calls).toEqual([]);
  await expect(node.have(a, volumeOf('pv', { hostPath: { path, type: 'File' } }), hostPathKind)).rejects.toThrow(
    `MountVolume.SetUp failed for volume "pv" : hostPath type check failed: ${path} is not a file`,
  );
});

test.each([
  ['csi', 'volume type csi needs an API server'],
  ['awsElasticBlockStore', 'volume type awsElasticBlockStore needs an API server'],
  ['rbd', 'failed to get Plugin from volumeSpec for volume "pv" err=no volume plugin matched'],
  ['somethingNew', 'err=no volume plugin matched'],
])('a %s volume is refused in one sentence', (source, message) => {
  const spec = volumeOf('pv', { accessModes: ['ReadWriteOnce'], volumeMode: 'Filesystem', [source]: { x: 1 } });
  expect(() => persistentKinds().of(spec)).toThrow(message);
});
