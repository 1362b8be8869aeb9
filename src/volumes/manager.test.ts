import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { childPath } from '../lib/linux/pathBytes.ts';
import type { Volume } from '../types/k8s.ts';
import { base64, signal, VolumeNode } from './testing/fixtures.ts';
import { volumeType, volumeTypes } from './types/registry.ts';

let node: VolumeNode;
beforeEach(() => {
  node = new VolumeNode();
});
afterEach(() => node[Symbol.dispose]());

const config: Volume = { name: 'v', configMap: { name: 'cm', defaultMode: 0o644 } };
const secret: Volume = { name: 'v', secret: { secretName: 's', defaultMode: 0o644 } };

test('the registry has a type for every kind and names each plugin once, but for what is not supported', () => {
  expect(Object.keys(volumeTypes)).toHaveLength(30);
  expect(volumeType({ name: 'v', nfs: { path: '/', server: 's' } })).toBe(volumeTypes.nfs);
  expect(volumeType({ name: 'v' })).toBe(volumeTypes.emptyDir);
  expect(volumeType({ name: 'v', secret: undefined } as never)).toBe(volumeTypes.emptyDir);
});

test('a source that this version does not know is refused, and nothing is put in its place', async () => {
  const volume = { name: 'v', dream: { of: 'data' } } as unknown as Volume;
  const error = await node.mount(volume).catch((e) => e);
  expect(error.message).toBe(
    'MountVolume.SetUp failed for volume "v" : volume type "dream" is unknown to this version of kubelet-ts, so it cannot be mounted',
  );
  await expect(node.update(volume)).rejects.toThrow('unknown');
  expect(existsSync(join(node.root, 'pods'))).toBe(false);
  for (const name of ['constructor', '__proto__', 'toString'])
    await expect(node.mount({ name: 'v', ...JSON.parse(`{"${name}":{}}`) } as Volume)).rejects.toThrow('unknown');
});

describe('configMap and secret', () => {
  test('a configMap is on disk, a secret in memory; both are where every kubelet has them', async () => {
    node.put('ConfigMap', 'cm', { data: { a: '1' }, binaryData: { b: base64('\u0000\u0001') } });
    node.put('Secret', 's', { data: { p: base64('hunter2') } });
    const onDisk = await node.mount(config);
    expect(onDisk).toEqual({
      name: 'v',
      hostPath: join(node.root, 'pods/uid-1/volumes/kubernetes.io~configmap/v'),
      readOnly: true,
      seLinuxRelabel: true,
      digest: expect.stringMatching(/^[0-9a-f]{32}$/),
      tmpfs: false,
    });
    expect(readFileSync(join(onDisk.hostPath, 'b'))).toEqual(Buffer.from([0, 1]));
    expect(statSync(onDisk.hostPath).mode & 0o7777).toBe(0o777);
    expect(node.mounter.calls).toEqual([]);
    const inMemory = await node.mount(secret);
    expect(inMemory.hostPath).toBe(join(node.root, 'pods/uid-1/volumes/kubernetes.io~secret/v'));
    expect(node.mounter.calls).toEqual([`mount tmpfs ${inMemory.hostPath} size=1073741824,noswap`]);
    expect(readFileSync(join(inMemory.hostPath, 'p'), 'utf8')).toBe('hunter2');
    expect(JSON.stringify(inMemory)).not.toContain('hunter2');
  });

  test.each<[string, Volume, string]>([
    ['absent ConfigMap', config, 'configmap "cm" not found'],
    ['absent Secret', secret, 'secret "s" not found'],
    [
      'no defaultMode',
      { name: 'v', configMap: { name: 'full' } },
      'no defaultMode used, not even the default value for it',
    ],
    [
      'missing key of a ConfigMap',
      { name: 'v', configMap: { name: 'full', defaultMode: 1, items: [{ key: 'X', path: 'x' }] } },
      'configmap references non-existent config key: X',
    ],
    [
      'missing key of a Secret',
      { name: 'v', secret: { secretName: 'full', defaultMode: 1, items: [{ key: 'constructor', path: 'x' }] } },
      'references non-existent secret key: constructor',
    ],
    [
      'API away',
      { name: 'v', secret: { secretName: 'away', defaultMode: 1 } },
      'failed to sync secret cache: timed out',
    ],
    [
      'hostile path',
      { name: 'v', configMap: { name: 'full', defaultMode: 1, items: [{ key: 'k', path: '../../x' }] } },
      "invalid path: must not contain '..': ../../x",
    ],
  ])('%s', async (_, volume, message) => {
    node.put('ConfigMap', 'full', { data: { k: '1' } });
    node.put('Secret', 'full', { data: { k: base64('1') } });
    node.objects.set('Secret/shop/away', { state: 'unknown', reason: 'timed out' });
    const error = await node.mount(volume).catch((thrown) => thrown);
    expect(error.message).toBe(`MountVolume.SetUp failed for volume "v" : ${message}`);
    expect(error.reason).toBe('FailedMount');
    // Nothing may stay behind that a later mount would take for a finished volume.
    expect(await node.mounter.list()).toEqual([]);
    expect(existsSync(join(node.root, 'pods/uid-1/volumes/kubernetes.io~configmap/v'))).toBe(false);
  });

  test('optional: absent is empty, unknown is not', async () => {
    const optional: Volume = { name: 'v', secret: { secretName: 's', optional: true, defaultMode: 0o600 } };
    node.objects.set('Secret/shop/s', { state: 'unknown', reason: 'not synced' });
    await expect(node.mount(optional)).rejects.toThrow('not synced');
    node.objects.delete('Secret/shop/s');
    const mounted = await node.mount(optional);
    expect(readdirSync(mounted.hostPath).filter((name) => !name.startsWith('..'))).toEqual([]);
  });

  test('update rewrites only what changed, and the digest tells', async () => {
    node.put('ConfigMap', 'cm', { data: { a: '1' } });
    const first = await node.mount(config);
    const same = await node.update(config);
    expect(same).toEqual({ changed: false, digest: first.digest });
    node.put('ConfigMap', 'cm', { data: { a: '2' } });
    const next = await node.update(config);
    expect(next.changed).toBe(true);
    expect(next.digest).not.toBe(first.digest);
    expect(readFileSync(join(first.hostPath, 'a'), 'utf8')).toBe('2');
    node.objects.clear();
    await expect(node.update(config)).rejects.toThrow('not found');
    expect(readFileSync(join(first.hostPath, 'a'), 'utf8')).toBe('2');
  });

  test('mounting twice mounts once; a lost mount is mounted again', async () => {
    node.put('Secret', 's', { data: { p: base64('x') } });
    const first = await node.mount(secret);
    await node.mount(secret);
    expect(node.mounter.calls).toHaveLength(1);
    await node.mounter.unmount(first.hostPath);
    await node.mount(secret);
    expect(readFileSync(join(first.hostPath, 'p'), 'utf8')).toBe('x');
    expect(await node.mounter.list()).toHaveLength(1);
  });

  test('an update of a volume that was unmounted by hand mounts it again first', async () => {
    node.put('Secret', 's', { data: { p: base64('x') } });
    const { hostPath } = await node.mount(secret);
    await node.mounter.unmount(hostPath);
    await expect(node.update(secret)).resolves.toMatchObject({ changed: true });
    expect(await node.mounter.list()).toHaveLength(1);
  });

  test('a refusal of the kernel is the cause of the error; a name that is no directory name is refused', async () => {
    node.put('Secret', 's', { data: {} });
    node.mounter.failNext('mount tmpfs', 13);
    await expect(node.mount(secret)).rejects.toMatchObject({ cause: { code: 'EACCES' } });
    await expect(node.mount({ name: '../v', emptyDir: {} })).rejects.toThrow('cannot be a directory name');
  });

  test('a kernel without noswap is asked once', async () => {
    node.put('Secret', 's', { data: {} });
    node.mounter.failNext('noswap', 22);
    await node.mount(secret);
    await node.mount({ ...secret, name: 'w' });
    expect(node.mounter.calls.map((call) => call.split(' ').at(-1))).toEqual([
      'size=1073741824,noswap',
      'size=1073741824',
      'size=1073741824',
    ]);
  });

  test('a refused mount leaves no secret on disk and can be tried again', async () => {
    node.put('Secret', 's', { data: { p: base64('x') } });
    node.mounter.failNext('mount tmpfs', 12);
    const error = await node.mount(secret).catch((thrown) => thrown);
    expect(error).toMatchObject({ reason: 'FailedMount' });
    expect(readdirSync(join(node.root, 'pods/uid-1/volumes/kubernetes.io~secret/v'))).toEqual([]);
    await node.mount(secret);
  });
});

test('image volumes need no mount, unknown kinds say so', async () => {
  await expect(node.mount({ name: 'v', image: { reference: 'i' } })).resolves.toMatchObject({
    hostPath: '',
    readOnly: true,
  });
  const error = await node.mount({ name: 'v', rbd: { monitors: ['m'], image: 'i' } }).catch((thrown) => thrown);
  expect(error.message).toBe(
    'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: failed to get Plugin from volumeSpec for volume "v" err=no volume plugin matched',
  );
});

describe('nested mounts', () => {
  test('get a directory inside a read-only volume', async () => {
    node.put('ConfigMap', 'cm', { data: { a: '1' } });
    const paths = ['/etc/app', '/etc/app/nested', '/etc/app/nested/deeper', '/etc/app/nested-vol', '/etc/application'];
    const volumeMounts = paths.map((mountPath, index) => ({ name: index === 0 ? 'v' : `w${index}`, mountPath }));
    const mounted = await node.mount(config, { containers: [{ name: 'c', image: 'i', volumeMounts }] });
    expect(
      readdirSync(mounted.hostPath)
        .filter((name) => !name.startsWith('..'))
        .sort(),
    ).toEqual(['a', 'nested', 'nested-vol']);
  });
});

describe('teardown', () => {
  test('a Secret that is mounted again and fails stays as it is: containers use it', async () => {
    const node = new VolumeNode();
    node.put('Secret', 's', { data: { k: base64('v') } });
    const volume = { name: 'v', secret: { secretName: 's', defaultMode: 0o644 } };
    const mounted = await node.mount(volume);
    const { length } = await node.mounter.list();
    // A directory that a nested mount point stands for is a file by now: making it throws.
    const nested = [
      {
        name: 'c',
        image: 'i',
        volumeMounts: [
          { name: 'v', mountPath: '/a' },
          { name: 'w', mountPath: '/a/k/deep' },
        ],
      },
    ];
    await expect(node.mount(volume, { containers: nested })).rejects.toThrow();
    expect(await node.mounter.list()).toHaveLength(length);
    expect(readFileSync(join(mounted.hostPath, 'k'), 'utf8')).toBe('v');
    node[Symbol.dispose]();
  });

  test('an emptyDir whose names are no UTF-8, or any others that a Pod may choose', async () => {
    const { hostPath } = await node.mount({ name: 'v', emptyDir: {} });
    for (let index = 0; index < 1_500; index++)
      writeFileSync(childPath(Buffer.from(hostPath), Buffer.from(`a\xff${index}`.padEnd(50, '\xfe'), 'latin1')), '');
    for (const name of ['!', '...', `..removing-${process.pid}-0`, '..new-v', 'a\nb', '\n'])
      mkdirSync(join(hostPath, name, ...Array(50).fill('!'), '\n'), { recursive: true });
    await node.manager.unmountAll('uid-1', signal);
    expect(readdirSync(join(node.root, 'pods/uid-1'))).toEqual([]);
  });

  test('an abort ends it', async () => {
    const { hostPath } = await node.mount({ name: 'v', emptyDir: {} });
    for (let index = 0; index < 2_000; index++) writeFileSync(join(hostPath, String(index)), '');
    const controller = new AbortController();
    const removal = node.manager.unmountAll('uid-1', controller.signal);
    controller.abort();
    await expect(removal).rejects.toMatchObject({ name: 'AbortError' });
    expect(readdirSync(hostPath).length).toBeGreaterThan(0);
    await node.manager.unmountAll('uid-1', signal);
  });

  test('leaves nothing of anything, twice, and without a start', async () => {
    node.put('ConfigMap', 'cm', { data: { a: '1' } });
    node.put('Secret', 's', { data: { p: base64('x') } });
    await node.manager.unmountAll('uid-1', signal);
    await node.mount(config);
    await node.mount({ ...secret, name: 'w' });
    const scratch = await node.mount({ name: 'e', emptyDir: {} });
    writeFileSync(join(scratch.hostPath, 'left'), 'x');
    expect((await node.manager.scan())[0]!.volumes).toHaveLength(3);
    mkdirSync(join(node.root, 'pods/uid-1/containers'));
    await node.manager.unmountAll('uid-1', signal);
    await node.manager.unmountAll('uid-1', signal);
    expect(readdirSync(join(node.root, 'pods/uid-1'))).toEqual(['containers']);
    expect(await node.mounter.list()).toEqual([]);
    expect(await node.manager.scan()).toEqual([]);
  });

  test('a busy mount keeps everything and is tried again', async () => {
    node.put('Secret', 's', { data: { p: base64('x') } });
    const { hostPath } = await node.mount(secret);
    node.mounter.failNext(`unmount ${hostPath}`, 16);
    node.mounter.failNext(`unmount ${hostPath}`, 16);
    const error = await node.manager.unmountAll('uid-1', signal).catch((thrown) => thrown);
    expect(error).toMatchObject({ reason: 'FailedMount' });
    expect(existsSync(join(hostPath, 'p'))).toBe(true);
    await node.manager.unmountAll('uid-1', signal);
    expect(existsSync(hostPath)).toBe(false);
  });

  test.each(['..', '../x', '', '.', 'a/b', 'a\0'])('refuses the UID %j', async (uid) => {
    await expect(node.manager.unmountAll(uid, signal)).rejects.toThrow('cannot be a directory name');
  });
});
