import { chmodSync, statSync } from 'node:fs';
import type { StoredPod, Volume } from '../../types/k8s.ts';
import { VolumeNode } from '../testing/fixtures.ts';

let node: VolumeNode;
beforeEach(() => {
  node = new VolumeNode();
});
afterEach(() => node[Symbol.dispose]());

describe('emptyDir', () => {
  test('is open to all, and what the Pod does to it survives a restart of the kubelet', async () => {
    const volume: Volume = { name: 'v', emptyDir: {} };
    const first = await node.mount(volume);
    expect(statSync(first.hostPath).mode & 0o7777).toBe(0o777);
    const { ino } = statSync(first.hostPath);
    chmodSync(first.hostPath, 0o700);
    await node.mount(volume);
    expect(statSync(first.hostPath)).toMatchObject({ ino, mode: expect.any(Number) });
    expect(statSync(first.hostPath).mode & 0o7777).toBe(0o700);
  });

  test('belongs to the fsGroup with setgid', async () => {
    const mounted = await node.mount({ name: 'v', emptyDir: {} }, { securityContext: { fsGroup: process.getgid!() } });
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
    const mounted = await node.mount({ name: 'v', emptyDir: emptyDir! }, spec);
    expect(node.mounter.calls).toEqual([`mount tmpfs ${mounted.hostPath} ${options}`]);
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
    const mounted = await node.mount({ name: 'v', emptyDir: { medium } }, huge(...names));
    expect(node.mounter.calls).toEqual([`mount hugetlbfs ${mounted.hostPath} ${options}`]);
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
    await expect(node.mount({ name: 'v', emptyDir: { medium } }, huge(...names))).rejects.toThrow(message);
  });
});
