import type { StoredPod } from '../../types/k8s.ts';
import { contextOption, mountedLabel, seLinuxVolumeLabel } from './seLinuxLabel.ts';

type Asked = Parameters<typeof seLinuxVolumeLabel>;
const mountLabel = (...asked: Asked) => mountedLabel(seLinuxVolumeLabel(...asked));

const host = { fileContext: 'system_u:object_r:container_file_t:s0', everyMode: false };
const alone = { mode: 'Filesystem' as const, pv: { spec: { accessModes: ['ReadWriteOncePod'] } } };
const shared = { ...alone, pv: { spec: { accessModes: ['ReadWriteMany'] } } };
const user = (options?: object) => ({
  volumeMounts: [{ name: 'v' }],
  ...(options ? { securityContext: { seLinuxOptions: options } } : {}),
});
const pod = (containers: object[], securityContext: object = {}) =>
  ({ metadata: {}, spec: { containers, securityContext } }) as unknown as StoredPod;
const level = { level: 's0:c1,c2' };
const label = 'system_u:object_r:container_file_t:s0:c1,c2';

test.each<[string, StoredPod, Asked[2], typeof host, string]>([
  ['a level of the Pod', pod([user()], { seLinuxOptions: level }), alone, host, label],
  [
    'a level and a user of its container',
    pod([user({ ...level, user: 'me_u', type: 't' })]),
    alone,
    host,
    label.replace('system_u', 'me_u'),
  ],
  ['the same of all containers', pod([user(level), user(level)]), alone, host, label],
  [
    'a container that does not use the volume counts for nothing',
    pod([user(level), { securityContext: { seLinuxOptions: { level: 's0:c9' } } }]),
    alone,
    host,
    label,
  ],
  ['no options: the runtime chooses', pod([user()]), alone, host, ''],
  ['no level: the runtime chooses', pod([user({ type: 'spc_t' })]), alone, host, ''],
  ['the Pod asks for each file', pod([user(level)], { seLinuxChangePolicy: 'Recursive' }), alone, host, ''],
  ['the Pod asks for the mount', pod([user(level)], { seLinuxChangePolicy: 'MountOption' }), alone, host, label],
  ['a volume that several may have', pod([user(level)]), shared, host, ''],
  ['such a volume with SELinuxMount', pod([user(level)]), shared, { ...host, everyMode: true }, label],
  ['a device', pod([user(level)]), { ...alone, mode: 'Block' }, host, ''],
  ['a volume of the Pod alone', pod([user(level)]), { mode: 'Filesystem' }, host, ''],
])('%s', (_name, subject, spec, on, expected) => {
  expect(mountLabel(subject, 'v', spec, on)).toBe(expected);
});

test('several labels in one Pod are an error', () => {
  expect(() => mountLabel(pod([user(level), user({ level: 's0:c9' })]), 'v', alone, host)).toThrow(
    `multiple SELinux labels found: ${label},system_u:object_r:container_file_t:s0:c9`,
  );
});

const many = pod([user(level), user({ level: 's0:c9' })]);

test.each<[string, StoredPod, Asked[2], string, string, string | undefined]>([
  ['a volume that several may have', pod([user(level)]), shared, 'RWX', label, undefined],
  ['several labels for it', many, shared, 'RWX', '', 'several'],
  ['what is no label for it', pod([user({ level: '"' })]), shared, 'RWX', '', 'malformed'],
  [
    'the same of a Pod that asks for each file',
    pod([user({ level: '"' })], { seLinuxChangePolicy: 'Recursive' }),
    shared,
    'RWX',
    '',
    undefined,
  ],
  ['a volume of the Pod itself', pod([user(level)]), { mode: 'Filesystem' }, 'inline', label, undefined],
  [
    'several modes',
    pod([user(level)]),
    { ...alone, pv: { spec: { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] } } },
    'ROX',
    label,
    undefined,
  ],
  ['a device', many, { ...alone, mode: 'Block' }, 'RWOP', '', undefined],
])(
  'not mounted with a label: what would be is known, and no error: %s',
  (_name, subject, spec, mode, wanted, fault) => {
    const asked = seLinuxVolumeLabel(subject, 'v', spec, host);
    expect(mountedLabel(asked)).toBe('');
    expect([asked.isMountedSo, asked.accessMode, asked.wanted, asked.fault?.kind]).toEqual([
      false,
      mode,
      wanted,
      fault,
    ]);
  },
);

test('as mount(8) takes it: the commas of a level are no separators', () => {
  expect([contextOption(''), contextOption(label)]).toEqual([[], [`context="${label}"`]]);
});

test('a label is at most what the kernel takes of it', () => {
  const asks = (bytes: number) => {
    const rest = label.length - level.level.length;
    return mountLabel(pod([user({ level: 'c'.repeat(bytes - rest) })]), 'v', alone, host);
  };
  expect(asks(4095)).toHaveLength(4095);
  expect(() => asks(4096)).toThrow('an SELinux label has at most 4095 bytes, not 4096');
});

test.each(['s0:c1",suid,dev,x="', 's0:c1\\', 's0 c1', 's0\n', 's0\0'])(
  '%j would be more than a label in the options of a mount',
  (hostile) => {
    const asks = (options: object, more = {}) => mountLabel(pod([user(options)], more), 'v', alone, host);
    expect(() => asks({ level: hostile })).toThrow('is no SELinux label');
    expect(() => asks({ ...level, user: hostile })).toThrow('is no SELinux label');
    expect(asks({ level: hostile }, { seLinuxChangePolicy: 'Recursive' })).toBe('');
  },
);
