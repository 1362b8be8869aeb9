import type { Container, PodSecurityContext, PodSpec, SecurityContext } from '../../types/k8s.ts';
import { NODE, testContainer, testPod } from './fixtures.ts';
import { imageUser, verifyRunAsNonRoot } from './runAsNonRoot.ts';
import { type ContainerSecurityInputs, containerSecurityContext, sandboxSecurityContext } from './securityContext.ts';

const inputs: ContainerSecurityInputs = {
  seccompDefault: false,
  seccompRoot: NODE.seccompRoot,
  userNamespace: null,
  volumeGroups: [],
  imageUser: { uid: 0 },
  thermalThrottlePaths: [],
  targetContainerId: null,
};
const context = (own: SecurityContext, fromPod: PodSecurityContext = {}, more: Partial<ContainerSecurityInputs> = {}) =>
  containerSecurityContext(testPod({ securityContext: fromPod }), testContainer({ securityContext: own }), {
    ...inputs,
    ...more,
  });

describe('containerSecurityContext', () => {
  test('without any wish', () => {
    expect(context({})).toEqual({
      runAsUser: { value: 0 },
      runAsGroup: null,
      seccomp: { profileType: 'Unconfined' },
      privileged: false,
      readonlyRootfs: false,
      noNewPrivs: false,
      capabilities: null,
      selinuxOptions: null,
      namespaceOptions: { network: 'POD', pid: 'CONTAINER', ipc: 'POD', usernsOptions: { mode: 'NODE' } },
      supplementalGroups: [],
      supplementalGroupsPolicy: 'Merge',
      maskedPaths: expect.arrayContaining(['/proc/kcore', '/proc/interrupts', '/sys/devices/virtual/powercap']),
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    });
  });

  test.each<[string, SecurityContext, PodSecurityContext, object]>([
    ['the Pod’s user', {}, { runAsUser: 5, runAsGroup: 6 }, { runAsUser: { value: 5 }, runAsGroup: { value: 6 } }],
    [
      'the container’s user',
      { runAsUser: 0, runAsGroup: 1 },
      { runAsUser: 5, runAsGroup: 6 },
      { runAsUser: { value: 0 }, runAsGroup: { value: 1 } },
    ],
    [
      'SELinux as a whole',
      { seLinuxOptions: { level: 'l' } },
      { seLinuxOptions: { user: 'u', level: 'm' } },
      { selinuxOptions: { user: '', role: '', type: '', level: 'l' } },
    ],
    [
      'groups',
      {},
      { fsGroup: 9, supplementalGroups: [1, 2], supplementalGroupsPolicy: 'Strict' },
      { supplementalGroups: [9, 1, 2], supplementalGroupsPolicy: 'Strict' },
    ],
    [
      'capabilities',
      { capabilities: { add: ['NET_ADMIN'] } },
      {},
      { capabilities: { addCapabilities: ['NET_ADMIN'], dropCapabilities: [] } },
    ],
    [
      'empty capabilities are not none',
      { capabilities: {} },
      {},
      { capabilities: { addCapabilities: [], dropCapabilities: [] } },
    ],
    ['no new privileges', { allowPrivilegeEscalation: false }, {}, { noNewPrivs: true }],
    ['privileges allowed', { allowPrivilegeEscalation: true }, {}, { noNewPrivs: false }],
    [
      'privileged keeps its masks',
      { privileged: true },
      {},
      { privileged: true, maskedPaths: expect.arrayContaining(['/proc/kcore']) },
    ],
    ['unmasked', { procMount: 'Unmasked' }, {}, { maskedPaths: [], readonlyPaths: [] }],
    ['read-only root', { readOnlyRootFilesystem: true }, {}, { readonlyRootfs: true }],
    [
      'seccomp of the Pod',
      {},
      { seccompProfile: { type: 'RuntimeDefault' } },
      { seccomp: { profileType: 'RuntimeDefault' } },
    ],
    [
      'seccomp of the container',
      { seccompProfile: { type: 'Unconfined' } },
      { seccompProfile: { type: 'RuntimeDefault' } },
      { seccomp: { profileType: 'Unconfined' } },
    ],
    [
      'a seccomp file',
      { seccompProfile: { type: 'Localhost', localhostProfile: 'a//b.json' } },
      {},
      { seccomp: { profileType: 'Localhost', localhostRef: '/var/lib/kubelet/seccomp/a/b.json' } },
    ],
    [
      'AppArmor',
      { appArmorProfile: { type: 'Localhost', localhostProfile: 'x' } },
      { appArmorProfile: { type: 'Unconfined' } },
      { apparmor: { profileType: 'Localhost', localhostRef: 'x' }, apparmorProfile: 'localhost/x' },
    ],
    [
      'AppArmor of the Pod',
      {},
      { appArmorProfile: { type: 'Unconfined' } },
      { apparmor: { profileType: 'Unconfined' }, apparmorProfile: 'unconfined' },
    ],
  ])('%s', (_name, own, fromPod, wanted) => expect(context(own, fromPod)).toMatchObject(wanted));

  test.each<[SecurityContext, PodSecurityContext, string]>([
    [
      { seccompProfile: { type: 'Localhost' } },
      {},
      'localhostProfile must be set if seccompProfile type is Localhost.',
    ],
    [{}, { seccompProfile: { type: 'X' } }, 'unknown seccomp profile type: "X"'],
    [{ appArmorProfile: { type: 'Localhost' } }, {}, 'missing localhost apparmor profile name'],
    [{ appArmorProfile: { type: 'X' } }, {}, 'unknown apparmor profile type: "X"'],
    [{}, { supplementalGroupsPolicy: 'X' }, 'unsupported supplementalGroupsPolicy: X'],
  ])('%j in %j is refused', (own, fromPod, message) => expect(() => context(own, fromPod)).toThrow(message));

  test('AppArmor from the old annotation: over the Pod, under the container', () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/c': 'localhost/old' };
    const pod = testPod({ securityContext: { appArmorProfile: { type: 'Unconfined' } } }, { annotations });
    expect(containerSecurityContext(pod, testContainer(), inputs).apparmorProfile).toBe('localhost/old');
    const own = testContainer({ securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } });
    expect(containerSecurityContext(pod, own, inputs).apparmorProfile).toBe('runtime/default');
  });

  test('the node’s part', () => {
    expect(context({}, {}, { seccompDefault: true }).seccomp).toEqual({ profileType: 'RuntimeDefault' });
    expect(context({}, { fsGroup: 1 }, { volumeGroups: [7] }).supplementalGroups).toEqual([1, 7]);
    expect(context({}, {}, { imageUser: { username: 'me' } })).toMatchObject({ runAsUsername: 'me' });
    expect(context({}, {}, { imageUser: { username: 'me' } }).runAsUser).toBeUndefined();
    const path = '/sys/devices/system/cpu/cpu0/thermal_throttle';
    expect(context({}, {}, { thermalThrottlePaths: [path] }).maskedPaths?.at(-1)).toBe(path);
  });

  test.each<[Partial<PodSpec>, object]>([
    [
      { hostNetwork: true, hostPID: true, hostIPC: true },
      { network: 'NODE', pid: 'NODE', ipc: 'NODE' },
    ],
    [{ shareProcessNamespace: true }, { network: 'POD', pid: 'POD', ipc: 'POD' }],
    [{ hostUsers: true }, { usernsOptions: { mode: 'NODE' } }],
    [
      { hostUsers: false },
      { usernsOptions: { mode: 'POD', uids: [{ hostId: 65536, containerId: 0, length: 65536 }], gids: [] } },
    ],
  ])('namespaces of %j', (spec, wanted) => {
    const userNamespace = { uids: [{ hostId: 65536, containerId: 0, length: 65536 }], gids: [] };
    const { namespaceOptions } = containerSecurityContext(testPod(spec), testContainer(), { ...inputs, userNamespace });
    expect(namespaceOptions).toMatchObject(wanted);
  });

  test('a user namespace without ids is refused', () => {
    expect(() => containerSecurityContext(testPod({ hostUsers: false }), testContainer(), inputs)).toThrow(
      "can't set `spec.hostUsers: false`, runtime does not support user namespaces",
    );
  });

  test('an ephemeral container sees its target’s processes unless the Pod shares them anyway', () => {
    const target = { ...inputs, targetContainerId: 'id' };
    const own = containerSecurityContext(testPod(), testContainer(), target).namespaceOptions;
    expect(own).toMatchObject({ pid: 'TARGET', targetId: 'id' });
    const shared = containerSecurityContext(testPod({ shareProcessNamespace: true }), testContainer(), target);
    expect(shared.namespaceOptions).toMatchObject({ pid: 'POD' });
    expect(shared.namespaceOptions?.targetId).toBeUndefined();
  });
});

describe('sandboxSecurityContext', () => {
  test('without a security context only two fields', () => {
    const containers = [testContainer({ securityContext: { privileged: true } })];
    const { securityContext: _, ...spec } = testPod({ containers }).spec!;
    expect(sandboxSecurityContext({ spec }, { ...inputs, volumeGroups: [1] })).toEqual({
      privileged: true,
      seccomp: { profileType: 'RuntimeDefault' },
    });
  });

  test('the Pod’s values, groups of volumes before its own', () => {
    const securityContext = {
      runAsUser: 1,
      fsGroup: 2,
      supplementalGroups: [3],
      seccompProfile: { type: 'Unconfined' },
    };
    expect(sandboxSecurityContext(testPod({ securityContext }), { ...inputs, volumeGroups: [7] })).toMatchObject({
      privileged: false,
      seccomp: { profileType: 'RuntimeDefault' },
      runAsUser: { value: 1 },
      runAsGroup: null,
      supplementalGroups: [2, 7, 3],
    });
  });

  test.each(['initContainers', 'ephemeralContainers'] as const)('privileged %s count', (kind) => {
    const pod = testPod({ [kind]: [testContainer({ securityContext: { privileged: true } })] });
    expect(sandboxSecurityContext(pod, inputs).privileged).toBe(true);
  });
});

describe('verifyRunAsNonRoot', () => {
  const where = '(pod: "p_ns(uid)", container: c)';
  const verify = (own: SecurityContext, fromPod: PodSecurityContext, user: { uid: number } | { username: string }) => {
    const container: Container = testContainer({ securityContext: own });
    return verifyRunAsNonRoot(testPod({ securityContext: fromPod }), container, user);
  };
  test.each<[SecurityContext, PodSecurityContext, { uid: number } | { username: string }, string | null]>([
    [{}, {}, { uid: 0 }, null],
    [{ runAsNonRoot: false }, { runAsNonRoot: true }, { uid: 0 }, null],
    [{ runAsNonRoot: true }, {}, { uid: 1 }, null],
    [{ runAsNonRoot: true, runAsUser: 5 }, {}, { username: 'root' }, null],
    [{ runAsUser: 5 }, { runAsNonRoot: true, runAsUser: 0 }, { uid: 0 }, null],
    [{ runAsUser: 0 }, { runAsNonRoot: true }, { uid: 5 }, `container's runAsUser breaks non-root policy ${where}`],
    [{ runAsNonRoot: true }, {}, { uid: 0 }, `container has runAsNonRoot and image will run as root ${where}`],
    [
      {},
      { runAsNonRoot: true },
      { username: 'me' },
      `container has runAsNonRoot and image has non-numeric user (me), cannot verify user is non-root ${where}`,
    ],
    [
      { runAsNonRoot: true },
      {},
      { uid: 2147483648 },
      'container has runAsNonRoot and image has an invalid user id (2147483648). (Must be 1-(2147483647)): ' +
        `must be between 0 and 2147483647, inclusive ${where}`,
    ],
  ])('%j in %j with image user %j', (own, fromPod, user, wanted) => expect(verify(own, fromPod, user)).toBe(wanted));

  test.each([
    [null, { uid: 0 }],
    [{ uid: null, username: '' }, { uid: 0 }],
    [{ uid: { value: '7' }, username: 'x' }, { uid: 7 }],
    [{ uid: null, username: 'x' }, { username: 'x' }],
  ])('the user of image %j', (image, wanted) => expect(imageUser(image)).toEqual(wanted));
});
