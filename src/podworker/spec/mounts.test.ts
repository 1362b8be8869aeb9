import type { Mount } from '../../cri/generated/runtime.ts';
import type { VolumeMount } from '../../types/k8s.ts';
import type { ContainerContext, SpecVolume } from './context.ts';
import { cdiDevices, containerDevices } from './devices.ts';
import { CONTAINER_CONTEXT, NODE, testContainer, testPod } from './fixtures.ts';
import { containerMounts, withIdMappings } from './mounts.ts';

const volume = (more: Partial<SpecVolume> = {}): SpecVolume => ({
  hostPath: '/vol/data',
  readOnly: false,
  seLinuxRelabel: false,
  ...more,
});
const volumes = new Map([
  ['data', volume()],
  ['config', volume({ hostPath: '/vol/config', readOnly: true })],
]);
const mounted = (mount: Partial<VolumeMount>, more: Partial<ContainerContext> = {}) => {
  const container = testContainer({ volumeMounts: [{ name: 'data', mountPath: '/data', ...mount }] });
  const env = [
    { name: 'A', value: 'x/y' },
    { name: 'EMPTY', value: '' },
    { name: 'UP', value: '../..' },
  ];
  return containerMounts(testPod(), container, { ...CONTAINER_CONTEXT, volumes, ...more }, env)[0];
};

describe('volume mounts', () => {
  const plain: Mount = {
    hostPath: '/vol/data',
    containerPath: '/data',
    readonly: false,
    selinuxRelabel: false,
    propagation: 'PROPAGATION_PRIVATE',
    recursiveReadOnly: false,
    image: null,
    imageSubPath: '',
  };
  const seLinux = { node: { ...NODE, seLinuxEnabled: true } };
  test.each<[string, Partial<VolumeMount>, Partial<ContainerContext>, Partial<Mount>]>([
    ['plain', {}, {}, {}],
    ['read-only', { readOnly: true }, {}, { readonly: true }],
    ['a read-only volume', { name: 'config' }, {}, { hostPath: '/vol/config', readonly: true }],
    ['relative path', { mountPath: 'a/../b/' }, {}, { containerPath: '/b' }],
    ['an absolute path stays as it is', { mountPath: '/a/../b/' }, {}, { containerPath: '/a/../b/' }],
    ['None', { mountPropagation: 'None' }, {}, {}],
    ['HostToContainer', { mountPropagation: 'HostToContainer' }, {}, { propagation: 'PROPAGATION_HOST_TO_CONTAINER' }],
    ['Bidirectional', { mountPropagation: 'Bidirectional' }, {}, { propagation: 'PROPAGATION_BIDIRECTIONAL' }],
    ['subPath', { subPath: 'a' }, { subPaths: new Map([[0, '/subpaths/0']]) }, { hostPath: '/subpaths/0' }],
    ['subPathExpr', { subPathExpr: '$(A)' }, { subPaths: new Map([[0, '/subpaths/0']]) }, { hostPath: '/subpaths/0' }],
    [
      'relabel',
      {},
      { ...seLinux, volumes: new Map([['data', volume({ seLinuxRelabel: true })]]) },
      { selinuxRelabel: true },
    ],
    ['no relabel without SELinux', {}, { volumes: new Map([['data', volume({ seLinuxRelabel: true })]]) }, {}],
    ['recursive off', { readOnly: true, recursiveReadOnly: 'Disabled' }, {}, { readonly: true }],
    ['recursive if possible: no', { readOnly: true, recursiveReadOnly: 'IfPossible' }, {}, { readonly: true }],
    [
      'recursive if possible: yes',
      { readOnly: true, recursiveReadOnly: 'IfPossible' },
      { supportsRecursiveReadOnly: true },
      { readonly: true, recursiveReadOnly: true },
    ],
    [
      'recursive',
      { readOnly: true, recursiveReadOnly: 'Enabled', mountPropagation: 'None' },
      { supportsRecursiveReadOnly: true },
      { readonly: true, recursiveReadOnly: true },
    ],
    [
      'image',
      { name: 'img', subPath: 'a/b' },
      { imageVolumes: new Map([['img', { image: 'sha256:1' }]]) },
      { hostPath: '', readonly: true, image: { image: 'sha256:1' }, imageSubPath: 'a/b' },
    ],
  ])('%s', (_name, mount, more, wanted) => expect(mounted(mount, more)).toEqual({ ...plain, ...wanted }));

  test.each<[Partial<VolumeMount>, string]>([
    [{ name: 'nope' }, 'cannot find volume "nope" to mount into container "c"'],
    [{ subPath: 'a' }, 'failed to prepare subPath for volumeMount "data" of container "c"'],
    [{ subPath: '/a' }, 'error SubPath `/a` must not be an absolute path'],
    [{ subPath: 'a/../b' }, "unable to provision SubPath `a/../b`: must not contain '..'"],
    [{ subPathExpr: 'x/$(UP)' }, "unable to provision SubPath `x/../..`: must not contain '..'"],
    [{ subPathExpr: '$(Z)/$(EMPTY)/$(A)/$(B)' }, 'missing value for B, EMPTY, Z'],
    [{ mountPropagation: 'X' }, 'invalid MountPropagation mode: "X"'],
    [
      { recursiveReadOnly: 'Enabled' },
      'failed to resolve recursive read-only mode: volume "data" requested recursive read-only mode, but it is not read-only',
    ],
    [
      { readOnly: true, recursiveReadOnly: 'Enabled' },
      'failed to resolve recursive read-only mode: volume "data" requested recursive read-only mode, but it is not supported by the runtime',
    ],
    [
      { readOnly: true, recursiveReadOnly: 'IfPossible', mountPropagation: 'HostToContainer' },
      'failed to resolve recursive read-only mode: volume "data" requested recursive read-only mode, but it is not compatible with propagation "HostToContainer"',
    ],
    [
      { readOnly: true, recursiveReadOnly: 'X' },
      'failed to resolve recursive read-only mode: unknown recursive read-only mode "X"',
    ],
  ])('%j is refused', (mount, message) => expect(() => mounted(mount)).toThrow(message));
});

test('a Pod with an image volume names sub paths in all mounts', () => {
  const container = testContainer({ volumeMounts: [{ name: 'data', mountPath: '/data', subPath: 'a' }] });
  const context = { ...CONTAINER_CONTEXT, volumes, subPaths: new Map([[0, '/subpaths/0']]) };
  const pod = testPod({ volumes: [{ name: 'img', image: { reference: 'x' } }] });
  expect(containerMounts(pod, container, context, [])).toMatchObject([{ hostPath: '/subpaths/0', imageSubPath: 'a' }]);
});

test('the order: devices, volumes, /etc/hosts, termination log', () => {
  const container = testContainer({
    terminationMessagePath: 'dev//log',
    volumeMounts: [
      { name: 'config', mountPath: '/b' },
      { name: 'data', mountPath: '/a' },
    ],
  });
  const context: ContainerContext = {
    ...CONTAINER_CONTEXT,
    volumes,
    podIPs: ['10.0.0.1'],
    terminationLogPath: '/var/lib/kubelet/pods/uid/containers/c/0a1b2c3d',
    deviceAllocation: {
      env: [],
      devices: [],
      cdiDevices: [],
      annotations: {},
      mounts: [{ hostPath: '/d', containerPath: '/d' }],
    },
  };
  const mounts = containerMounts(testPod(), container, context, []);
  expect(mounts.map((m) => [m.hostPath, m.containerPath])).toEqual([
    ['/d', '/d'],
    ['/vol/config', '/b'],
    ['/vol/data', '/a'],
    ['/var/lib/kubelet/pods/uid/etc-hosts', '/etc/hosts'],
    ['/var/lib/kubelet/pods/uid/containers/c/0a1b2c3d', '/dev/log'],
  ]);
  const without = containerMounts(testPod(), container, { ...context, podIPs: [], terminationLogPath: null }, []);
  expect(without).toHaveLength(3);
});

test('a user namespace is mapped in every mount', () => {
  const uids = [{ hostId: 1, containerId: 0, length: 5 }];
  const gids = [{ hostId: 2, containerId: 0, length: 5 }];
  const mounts = [{ hostPath: '/a' }, { hostPath: '/b' }];
  expect(withIdMappings(mounts, { usernsOptions: { mode: 'NODE' } })).toEqual(mounts);
  expect(withIdMappings(mounts, { usernsOptions: { mode: 'POD', uids, gids } })).toEqual(
    mounts.map((m) => ({ ...m, uidMappings: uids, gidMappings: gids })),
  );
});

describe('containerDevices', () => {
  const devices = (devicePath: string, name = 'block') =>
    containerDevices(
      testContainer({ volumeDevices: [{ name, devicePath }] }),
      {
        env: [],
        mounts: [],
        annotations: {},
        cdiDevices: ['v.com/c=0'],
        devices: [{ hostPath: '/dev/a', containerPath: '/dev/a', permissions: 'rw' }],
      },
      new Map([
        ['block', { hostPath: '/map/block', readOnly: false }],
        ['ro', { hostPath: '/map/ro', readOnly: true }],
        ['unmapped', { hostPath: null, readOnly: false }],
      ]),
    ).slice(1);
  test.each([
    ['block', [{ hostPath: '/map/block', containerPath: '/dev/x', permissions: 'mrw' }]],
    ['ro', [{ hostPath: '/map/ro', containerPath: '/dev/x', permissions: 'r' }]],
    ['unmapped', []],
  ])('%s', (name, wanted) => expect(devices('/dev/x', name)).toEqual(wanted));
  test('refusals', () => {
    expect(() => devices('/dev/x', 'nope')).toThrow('cannot find volume "nope" to pass into container "c"');
    expect(() => devices('dev/x')).toThrow('error DevicePath `dev/x` must be an absolute path');
  });
  test('CDI', () => {
    const allocation = { env: [], mounts: [], annotations: {}, devices: [], cdiDevices: ['v.com/c=0'] };
    expect(cdiDevices(allocation)).toEqual([{ name: 'v.com/c=0' }]);
    expect(cdiDevices(null)).toEqual([]);
  });
});
