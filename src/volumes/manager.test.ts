import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeMounter } from '../lib/fake/mounter.ts';
import type { ConfigMap, Secret, StoredPod, Volume } from '../types/k8s.ts';
import type { Lookup, VolumeContext, VolumeManager } from './contract.ts';
import { createVolumeManager } from './manager.ts';
import { volumeKind, volumeTypes } from './types/registry.ts';

let root: string;
let mounter: FakeMounter;
let manager: VolumeManager;
let objects: Map<string, Lookup<ConfigMap | Secret>>;
let token: VolumeContext['token'];
const { signal } = new AbortController();

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'volumes-'));
  mounter = new FakeMounter();
  manager = createVolumeManager({ root, mounter });
  objects = new Map();
  token = async (demand) => ({ token: `token-for-${demand.audiences.join() || 'api'}`, refreshAt: 1234 });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const context = (): VolumeContext => ({
  objects: {
    get: (kind: string, namespace: string, name: string) =>
      (objects.get(`${kind}/${namespace}/${name}`) ?? { state: 'absent' }) as Lookup<never>,
  },
  token: (demand, abort) => token(demand, abort),
  nodeAllocatable: { cpu: '4', memory: '1Gi' },
});

function pod(volumes: Volume[], spec: Partial<StoredPod['spec']> = {}): StoredPod {
  return {
    metadata: { name: 'web', namespace: 'shop', uid: 'uid-1', labels: { app: 'web', tier: 'a"b' } },
    spec: { containers: [{ name: 'c', image: 'i' }], serviceAccountName: 'robot', ...spec, volumes },
  };
}

const put = (kind: 'ConfigMap' | 'Secret', name: string, object: ConfigMap | Secret) =>
  objects.set(`${kind}/shop/${name}`, { state: 'present', object });
const mount = (volume: Volume, spec: Partial<StoredPod['spec']> = {}) =>
  manager.mount(pod([volume], spec), volume, context(), signal);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const config: Volume = { name: 'v', configMap: { name: 'cm', defaultMode: 0o644 } };
const secret: Volume = { name: 'v', secret: { secretName: 's', defaultMode: 0o644 } };

test('the registry has a type for every kind and names each plugin once, but for what is not supported', () => {
  expect(Object.keys(volumeTypes)).toHaveLength(30);
  expect(volumeKind({ name: 'v', nfs: { path: '/', server: 's' } })).toBe('nfs');
  expect(volumeKind({ name: 'v' })).toBe('emptyDir');
});

describe('configMap and secret', () => {
  test('a configMap is on disk, a secret in memory; both are where every kubelet has them', async () => {
    put('ConfigMap', 'cm', { data: { a: '1' }, binaryData: { b: base64('\u0000\u0001') } });
    put('Secret', 's', { data: { p: base64('hunter2') } });
    const onDisk = await mount(config);
    expect(onDisk).toEqual({
      name: 'v',
      hostPath: join(root, 'pods/uid-1/volumes/kubernetes.io~configmap/v'),
      readOnly: true,
      digest: expect.stringMatching(/^[0-9a-f]{32}$/),
      tmpfs: false,
    });
    expect(readFileSync(join(onDisk.hostPath, 'b'))).toEqual(Buffer.from([0, 1]));
    expect(statSync(onDisk.hostPath).mode & 0o7777).toBe(0o777);
    expect(mounter.calls).toEqual([]);
    const inMemory = await mount(secret);
    expect(inMemory.hostPath).toBe(join(root, 'pods/uid-1/volumes/kubernetes.io~secret/v'));
    expect(mounter.calls).toEqual([`mount tmpfs ${inMemory.hostPath} size=1073741824,noswap`]);
    expect(readFileSync(join(inMemory.hostPath, 'p'), 'utf8')).toBe('hunter2');
    expect(JSON.stringify(inMemory)).not.toContain('hunter2');
  });

  test.each<[string, Volume, string, string | undefined]>([
    ['absent ConfigMap', config, 'configmap "cm" not found', 'cm'],
    ['absent Secret', secret, 'secret "s" not found', 's'],
    [
      'no defaultMode',
      { name: 'v', configMap: { name: 'full' } },
      'no defaultMode used, not even the default value for it',
      undefined,
    ],
    [
      'missing key of a ConfigMap',
      { name: 'v', configMap: { name: 'full', defaultMode: 1, items: [{ key: 'X', path: 'x' }] } },
      'configmap references non-existent config key: X',
      'full',
    ],
    [
      'missing key of a Secret',
      { name: 'v', secret: { secretName: 'full', defaultMode: 1, items: [{ key: 'constructor', path: 'x' }] } },
      'references non-existent secret key: constructor',
      'full',
    ],
    [
      'API away',
      { name: 'v', secret: { secretName: 'away', defaultMode: 1 } },
      'failed to sync secret cache: timed out',
      'away',
    ],
    [
      'hostile path',
      { name: 'v', configMap: { name: 'full', defaultMode: 1, items: [{ key: 'k', path: '../../x' }] } },
      "invalid path: must not contain '..': ../../x",
      undefined,
    ],
  ])('%s', async (_, volume, message, waitingFor) => {
    put('ConfigMap', 'full', { data: { k: '1' } });
    put('Secret', 'full', { data: { k: base64('1') } });
    objects.set('Secret/shop/away', { state: 'unknown', reason: 'timed out' });
    const error = await mount(volume).catch((thrown) => thrown);
    expect(error.message).toBe(`MountVolume.SetUp failed for volume "v" : ${message}`);
    expect(error.reason).toBe('FailedMount');
    expect(error.waitingFor?.name).toBe(waitingFor);
    // Nothing may stay behind that a later mount would take for a finished volume.
    expect(await mounter.list()).toEqual([]);
    expect(existsSync(join(root, 'pods/uid-1/volumes/kubernetes.io~configmap/v'))).toBe(false);
  });

  test('optional: absent is empty, unknown is not', async () => {
    const optional: Volume = { name: 'v', secret: { secretName: 's', optional: true, defaultMode: 0o600 } };
    objects.set('Secret/shop/s', { state: 'unknown', reason: 'not synced' });
    await expect(mount(optional)).rejects.toMatchObject({ waitingFor: { name: 's', optional: true } });
    objects.delete('Secret/shop/s');
    const mounted = await mount(optional);
    expect(readdirSync(mounted.hostPath).filter((name) => !name.startsWith('..'))).toEqual([]);
  });

  test('update rewrites only what changed, and the digest tells', async () => {
    put('ConfigMap', 'cm', { data: { a: '1' } });
    const first = await mount(config);
    const same = await manager.update(pod([config]), config, context(), signal);
    expect(same).toEqual({ changed: false, digest: first.digest });
    put('ConfigMap', 'cm', { data: { a: '2' } });
    const next = await manager.update(pod([config]), config, context(), signal);
    expect(next.changed).toBe(true);
    expect(next.digest).not.toBe(first.digest);
    expect(readFileSync(join(first.hostPath, 'a'), 'utf8')).toBe('2');
    objects.clear();
    await expect(manager.update(pod([config]), config, context(), signal)).rejects.toThrow('not found');
    expect(readFileSync(join(first.hostPath, 'a'), 'utf8')).toBe('2');
  });

  test('mounting twice mounts once; a lost mount is mounted again', async () => {
    put('Secret', 's', { data: { p: base64('x') } });
    const first = await mount(secret);
    await mount(secret);
    expect(mounter.calls).toHaveLength(1);
    await mounter.unmount(first.hostPath);
    await mount(secret);
    expect(readFileSync(join(first.hostPath, 'p'), 'utf8')).toBe('x');
    expect(await mounter.list()).toHaveLength(1);
  });

  test('a kernel without noswap is asked once', async () => {
    put('Secret', 's', { data: {} });
    mounter.failNext('noswap', 22);
    await mount(secret);
    await mount({ ...secret, name: 'w' });
    expect(mounter.calls.map((call) => call.split(' ').at(-1))).toEqual([
      'size=1073741824,noswap',
      'size=1073741824',
      'size=1073741824',
    ]);
  });

  test('a refused mount leaves no secret on disk and can be tried again', async () => {
    put('Secret', 's', { data: { p: base64('x') } });
    mounter.failNext('mount tmpfs', 12);
    const error = await mount(secret).catch((thrown) => thrown);
    expect(error).toMatchObject({ reason: 'FailedMount', retryable: true });
    expect(readdirSync(join(root, 'pods/uid-1/volumes/kubernetes.io~secret/v'))).toEqual([]);
    await mount(secret);
  });
});

describe('projected', () => {
  const projected = (sources: NonNullable<Volume['projected']>['sources']): Volume => ({
    name: 'v',
    projected: { defaultMode: 0o644, sources: sources! },
  });
  const tokenSource = { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } };

  test('joins its sources; the later one wins', async () => {
    put('ConfigMap', 'cm', { data: { 'ca.crt': 'CA', name: 'from config' } });
    put('Secret', 's', { data: { p: base64('x') } });
    const mounted = await mount(
      projected([
        { configMap: { name: 'cm' } },
        { secret: { name: 's', items: [{ key: 'p', path: 'deep/p', mode: 0o400 }] } },
        tokenSource,
        { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ]),
    );
    const read = (name: string) => readFileSync(join(mounted.hostPath, name), 'utf8');
    expect([read('ca.crt'), read('deep/p'), read('token'), read('name')]).toEqual(['CA', 'x', 'token-for-api', 'web']);
    expect(statSync(join(mounted.hostPath, 'deep/p')).mode & 0o777).toBe(0o400);
    expect(mounted).toMatchObject({ refreshAt: 1234, tmpfs: true });
  });

  test('names everything that is missing in one message', async () => {
    token = async () => Promise.reject(new Error('serviceaccounts "robot" not found'));
    const error = await mount(projected([{ configMap: { name: 'a' } }, { secret: { name: 'b' } }, tokenSource])).catch(
      (e) => e,
    );
    expect(error.message).toBe(
      'MountVolume.SetUp failed for volume "v" : [configmap "a" not found, secret "b" not found, serviceaccounts "robot" not found]',
    );
    expect(error.waitingFor).toMatchObject({ kind: 'ConfigMap', name: 'a' });
  });

  const self = process.getuid!();
  test.each<[string, Partial<StoredPod['spec']>, number]>([
    ['nobody in particular: the default mode', {}, 0o644],
    ['one user for all: 0600', { securityContext: { runAsUser: self } }, 0o600],
    ['a group: 0600 and its read bit', { securityContext: { fsGroup: process.getgid!() } }, 0o640],
    [
      'different users: the default mode',
      { containers: [1, 2].map((n) => ({ name: `c${n}`, image: 'i', securityContext: { runAsUser: n } })) },
      0o644,
    ],
  ])('token for %s', async (_, spec, mode) => {
    const mounted = await mount(projected([tokenSource]), spec);
    expect(statSync(join(mounted.hostPath, 'token')).mode & 0o777).toBe(mode);
  });

  test('an aborted token request is an abort, not a failed mount', async () => {
    const controller = new AbortController();
    token = (_, abort) =>
      new Promise((_resolve, reject) => abort.addEventListener('abort', () => reject(abort.reason)));
    const volume = projected([tokenSource]);
    const pending = manager.mount(pod([volume]), volume, context(), controller.signal);
    controller.abort();
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    expect(mounter.calls).toEqual([]);
  });

  test('needs lists what to watch', () => {
    const volume = projected([{ configMap: { name: 'a', optional: true } }, { secret: { name: 'b' } }, tokenSource]);
    expect(manager.needs(pod([volume, { ...config, name: 'w' }, { name: 'e', emptyDir: {} }]))).toEqual([
      { kind: 'ConfigMap', namespace: 'shop', name: 'a', optional: true, volume: 'v' },
      { kind: 'Secret', namespace: 'shop', name: 'b', optional: false, volume: 'v' },
      { kind: 'ServiceAccountToken', namespace: 'shop', name: 'robot', optional: false, volume: 'v' },
      { kind: 'ConfigMap', namespace: 'shop', name: 'cm', optional: false, volume: 'w' },
    ]);
  });
});

describe('downwardAPI', () => {
  test('writes fields and resources', async () => {
    const items = [
      { path: './labels', fieldRef: { fieldPath: 'metadata.labels' } },
      { path: 'mem', mode: 0o400, resourceFieldRef: { containerName: 'c', resource: 'limits.memory', divisor: '1Mi' } },
    ];
    const mounted = await mount({ name: 'v', downwardAPI: { defaultMode: 0o644, items } });
    expect(readFileSync(join(mounted.hostPath, 'labels'), 'utf8')).toBe('app="web"\ntier="a\\"b"');
    expect(readFileSync(join(mounted.hostPath, 'mem'), 'utf8')).toBe('1024');
  });

  test.each([
    [{ path: 'x', fieldRef: { fieldPath: 'status.podIP' } }, 'unsupported fieldPath: status.podIP'],
    [{ path: 'x', resourceFieldRef: { containerName: 'zz', resource: 'limits.cpu' } }, 'container zz not found'],
  ])('%j fails', async (item, message) => {
    await expect(mount({ name: 'v', downwardAPI: { defaultMode: 0o644, items: [item] } })).rejects.toThrow(message);
  });
});

describe('emptyDir', () => {
  test('is open to all, and what the Pod does to it survives a restart of the kubelet', async () => {
    const volume: Volume = { name: 'v', emptyDir: {} };
    const first = await mount(volume);
    expect(statSync(first.hostPath).mode & 0o7777).toBe(0o777);
    const { ino } = statSync(first.hostPath);
    chmodSync(first.hostPath, 0o700);
    await mount(volume);
    expect(statSync(first.hostPath)).toMatchObject({ ino, mode: expect.any(Number) });
    expect(statSync(first.hostPath).mode & 0o7777).toBe(0o700);
  });

  test('belongs to the fsGroup with setgid', async () => {
    const mounted = await mount({ name: 'v', emptyDir: {} }, { securityContext: { fsGroup: process.getgid!() } });
    expect(statSync(mounted.hostPath).mode & 0o7777).toBe(0o2777);
  });

  const limited = (memory: string) => [{ name: 'c', image: 'i', resources: { limits: { memory } } }];
  test.each<[string, Volume['emptyDir'], Partial<StoredPod['spec']>, string]>([
    ['node allocatable', { medium: 'Memory' }, {}, 'size=1073741824,noswap'],
    ['the Pod limit', { medium: 'Memory' }, { containers: limited('64Mi') }, 'size=67108864,noswap'],
    [
      'sizeLimit below it',
      { medium: 'Memory', sizeLimit: '1Mi' },
      { containers: limited('64Mi') },
      'size=1048576,noswap',
    ],
    [
      'sizeLimit above it',
      { medium: 'Memory', sizeLimit: '1Gi' },
      { containers: limited('64Mi') },
      'size=67108864,noswap',
    ],
    ['a sizeLimit of 0 counts as none', { medium: 'Memory', sizeLimit: '0' }, {}, 'size=1073741824,noswap'],
    [
      'one container without a limit unbounds the Pod',
      { medium: 'Memory' },
      { containers: [...limited('64Mi'), { name: 'd', image: 'i' }] },
      'size=1073741824,noswap',
    ],
    ['a group', { medium: 'Memory' }, { securityContext: { fsGroup: 7 } }, 'size=1073741824,noswap,mode=3777,gid=7'],
  ])('memory size: %s', async (_, emptyDir, spec, options) => {
    const mounted = await mount({ name: 'v', emptyDir: emptyDir! }, spec);
    expect(mounter.calls).toEqual([`mount tmpfs ${mounted.hostPath} ${options}`]);
  });

  const huge = (...names: string[]) => ({
    containers: [
      { name: 'c', image: 'i', resources: { requests: Object.fromEntries(names.map((name) => [name, '4Mi'])) } },
    ],
  });
  test.each<[string, string[], string]>([
    ['HugePages', ['hugepages-2Mi'], 'pagesize=2Mi,mode=0777'],
    ['HugePages-2Mi', ['hugepages-2Mi', 'hugepages-1Gi'], 'pagesize=2Mi,mode=0777'],
    ['HugePages-2048Ki', ['hugepages-2Mi'], 'pagesize=2Mi,mode=0777'],
  ])('%s with %j', async (medium, names, options) => {
    const mounted = await mount({ name: 'v', emptyDir: { medium } }, huge(...names));
    expect(mounter.calls).toEqual([`mount hugetlbfs ${mounted.hostPath} ${options}`]);
  });

  test.each<[string, string[], string]>([
    [
      'HugePages',
      ['hugepages-2Mi', 'hugepages-1Gi'],
      "medium: HugePages can't be used if container requests multiple huge page sizes",
    ],
    [
      'HugePages',
      ['memory'],
      'medium HugePages: hugePages storage requested, but there is no resource request for huge pages',
    ],
    [
      'HugePages-1Gi',
      ['hugepages-2Mi'],
      'medium HugePages-1Gi: hugePages storage requested, but there is no resource request',
    ],
    ['Tape', [], 'unknown storage medium "Tape"'],
  ])('%s with %j fails', async (medium, names, message) => {
    await expect(mount({ name: 'v', emptyDir: { medium } }, huge(...names))).rejects.toThrow(message);
  });
});

describe('hostPath', () => {
  test.each([
    ['Directory', 'file', 'hostPath type check failed: %s is not a directory'],
    ['Directory', 'none', 'hostPath type check failed: %s is not a directory'],
    ['DirectoryOrCreate', 'file', 'hostPath type check failed: %s is not a directory'],
    ['File', 'directory', 'hostPath type check failed: %s is not a file'],
    ['FileOrCreate', 'directory', 'hostPath type check failed: %s is not a file'],
    ['Socket', 'file', 'hostPath type check failed: %s is not a socket file'],
    ['CharDevice', 'file', 'hostPath type check failed: %s is not a character device'],
    ['BlockDevice', 'none', 'hostPath type check failed: %s is not a block device'],
    ['Bogus', 'file', 'Bogus is an invalid volume type'],
  ])('%s on %s', async (type, name, message) => {
    writeFileSync(join(root, 'file'), '');
    mkdirSync(join(root, 'directory'));
    const path = join(root, name);
    await expect(mount({ name: 'v', hostPath: { path, type } })).rejects.toThrow(message.replace('%s', path));
  });

  test.each([
    ['', 'none', undefined],
    ['DirectoryOrCreate', 'new/deep', 0o40755],
    ['FileOrCreate', 'newfile', 0o100644],
    ['Directory', '.', undefined],
    ['File', 'link', undefined],
  ])('%s on %s passes', async (type, name, mode) => {
    writeFileSync(join(root, 'file'), '');
    symlinkSync('file', join(root, 'link'));
    const path = join(root, name);
    await expect(mount({ name: 'v', hostPath: { path, type } })).resolves.toEqual({
      name: 'v',
      hostPath: path,
      digest: '',
      tmpfs: false,
    });
    if (mode !== undefined) expect(statSync(path).mode).toBe(mode);
  });

  test('CharDevice on /dev/null passes; a path with .. does not', async () => {
    await mount({ name: 'v', hostPath: { path: '/dev/null', type: 'CharDevice' } });
    await expect(mount({ name: 'v', hostPath: { path: '/a/../b' } })).rejects.toThrow(
      "invalid HostPath `/a/../b`: must not contain '..'",
    );
  });
});

test('image volumes need no mount, unknown kinds say so', async () => {
  await expect(mount({ name: 'v', image: { reference: 'i' } })).resolves.toMatchObject({
    hostPath: '',
    readOnly: true,
  });
  const error = await mount({ name: 'v', nfs: { server: 's', path: '/' } }).catch((thrown) => thrown);
  expect(error.message).toBe(
    'MountVolume.SetUp failed for volume "v" : volume type nfs is not yet supported by kubelet-ts',
  );
  expect(error.retryable).toBe(false);
});

describe('nested mounts', () => {
  test('get a directory inside a read-only volume', async () => {
    put('ConfigMap', 'cm', { data: { a: '1' } });
    const paths = ['/etc/app', '/etc/app/nested', '/etc/app/nested/deeper', '/etc/app/nested-vol', '/etc/application'];
    const volumeMounts = paths.map((mountPath, index) => ({ name: index === 0 ? 'v' : `w${index}`, mountPath }));
    const mounted = await mount(config, { containers: [{ name: 'c', image: 'i', volumeMounts }] });
    expect(
      readdirSync(mounted.hostPath)
        .filter((name) => !name.startsWith('..'))
        .sort(),
    ).toEqual(['a', 'nested', 'nested-vol']);
  });
});

describe('teardown', () => {
  test('leaves nothing of anything, twice, and without a start', async () => {
    put('ConfigMap', 'cm', { data: { a: '1' } });
    put('Secret', 's', { data: { p: base64('x') } });
    await manager.unmountAll('uid-1', signal);
    await mount(config);
    await mount({ ...secret, name: 'w' });
    const scratch = await mount({ name: 'e', emptyDir: {} });
    writeFileSync(join(scratch.hostPath, 'left'), 'x');
    expect((await manager.scan())[0]!.volumes).toHaveLength(3);
    mkdirSync(join(root, 'pods/uid-1/containers'));
    await manager.unmountAll('uid-1', signal);
    await manager.unmountAll('uid-1', signal);
    expect(readdirSync(join(root, 'pods/uid-1'))).toEqual(['containers']);
    expect(await mounter.list()).toEqual([]);
    expect(await manager.scan()).toEqual([]);
  });

  test('a busy mount keeps everything and is tried again', async () => {
    put('Secret', 's', { data: { p: base64('x') } });
    const { hostPath } = await mount(secret);
    mounter.failNext(`unmount ${hostPath}`, 16);
    mounter.failNext(`unmount ${hostPath}`, 16);
    const error = await manager.unmountAll('uid-1', signal).catch((thrown) => thrown);
    expect(error).toMatchObject({ reason: 'FailedMount', retryable: true });
    expect(existsSync(join(hostPath, 'p'))).toBe(true);
    await manager.unmountAll('uid-1', signal);
    expect(existsSync(hostPath)).toBe(false);
  });

  test.each(['..', '../x', '', '.', 'a/b', 'a\0'])('refuses the UID %j', async (uid) => {
    await expect(manager.unmountAll(uid, signal)).rejects.toThrow('cannot be a directory name');
  });
});
