import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KubeletError } from '../../lib/errors.ts';
import { failure, until } from '../../lib/fake/until.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import { podOf, volumeOf } from '../persistent/fake/attachedKind.ts';
import { IQN, ScsiNode } from './fake/target.ts';
import { iscsiDisk } from './rules/iscsiDisk.ts';

const source = { targetPortal: '10.0.0.1', iqn: IQN, lun: 0, iscsiInterface: 'default' };
const spec = volumeOf('pv', { iscsi: source });
const DISK = `iface-default/10.0.0.1:3260-${IQN}-lun-0`;
const [a, b] = [podOf('a'), podOf('b')];

const globalOf = ({ node }: ScsiNode) => join(node.root, 'plugins/kubernetes.io/iscsi', DISK);
const targetOf = ({ node }: ScsiNode, uid: string) => join(node.root, 'pods', uid, 'volumes/kubernetes.io~iscsi/pv');
const gone = ({ node }: ScsiNode) => until(() => node.volumes.size === 0);
const calls = (node: ScsiNode, pattern: RegExp) => node.calls.filter((call) => pattern.test(call));

test('logs in, scans for the one LUN, mounts it once in Go’s place with Go’s file, and binds it into each Pod', async () => {
  using node = new ScsiNode('iscsi');
  expect(node.kind.identify(spec, a, undefined as never)).toEqual({
    uniqueName: `kubernetes.io/iscsi/${DISK}`,
    reportedAs: `kubernetes.io/iscsi/10.0.0.1:${IQN}:0`,
    attachable: true,
  });
  expect(await node.have('a', spec)).toEqual({ path: targetOf(node, 'a'), seLinuxRelabel: true });
  await node.have('b', spec, b);
  expect(node.node.volumes.inUse()).toEqual([`kubernetes.io/iscsi/10.0.0.1:${IQN}:0`]);
  const at = `-p 10.0.0.1:3260 -T ${IQN} -I default`;
  expect(node.calls).toEqual([
    'iscsiadm -m iface -I default -o show',
    'iscsiadm -m discoverydb -t sendtargets -p 10.0.0.1:3260 -I default -o new',
    'iscsiadm -m discoverydb -t sendtargets -p 10.0.0.1:3260 -I default --discover',
    `iscsiadm -m node ${at} -o update -n node.session.scan -v manual`,
    `iscsiadm -m node ${at} --login`,
    `iscsiadm -m node -p 10.0.0.1:3260 -T ${IQN} -o update -n node.startup -v manual`,
    'write 0 0 0 /class/scsi_host/host2/scan',
  ]);
  expect(node.node.programs.filter((line) => line.startsWith('mount -t'))).toEqual([
    `mount -t ext4 -o defaults -- ${node.dev}/disk/by-path/ip-10.0.0.1:3260-iscsi-${IQN}-lun-0 ${globalOf(node)}`,
  ]);
  expect(readFileSync(join(globalOf(node), 'iscsi.json'), 'utf8')).toBe(
    `{"VolName":"pv","Portals":["10.0.0.1:3260"],"Iqn":"${IQN}","Lun":"0","InitIface":"default","Iface":"default","InitiatorName":"","MetricsProvider":null}\n`,
  );
  node.calls.length = 0;
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  expect([existsSync(targetOf(node, 'a')), node.calls]).toEqual([false, []]);
  await node.node.leave(b);
  await gone(node);
  expect(node.calls).toEqual([
    'write 1 /block/sda/device/delete',
    `iscsiadm -m node -p 10.0.0.1:3260 -T ${IQN} --logout -I default`,
    `iscsiadm -m node -p 10.0.0.1:3260 -T ${IQN} -o delete -I default`,
  ]);
  expect([existsSync(globalOf(node)), node.sessions.size]).toEqual([false, 0]);
});

test('an SELinux label is an option of the mount for the node, and the runtime labels nothing', async () => {
  using node = new ScsiNode('iscsi');
  const label = 'system_u:object_r:container_file_t:s0:c1,c2';
  expect(await node.have('a', spec, a, { seLinuxLabel: label })).toEqual({ path: targetOf(node, 'a') });
  expect(node.node.programs.find((line) => line.startsWith('mount -t'))).toContain(`-o context="${label}",defaults `);
});

test('after a kill it is found by mount table and directories, whatever the Pod calls it, and given back', async () => {
  using node = new ScsiNode('iscsi');
  await node.have('a', spec);
  node.restart('iscsi');
  await node.node.volumes.rebuild();
  expect([node.node.volumes.holders(), node.node.volumes.size]).toEqual([['a'], 1]);
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await gone(node);
  expect([existsSync(targetOf(node, 'a')), existsSync(globalOf(node)), node.sessions.size]).toEqual([false, false, 0]);
});

test('standalone nobody attaches it, and nobody is waited for', async () => {
  using node = new ScsiNode('iscsi');
  node.restart('iscsi', false);
  await node.node.have(a, spec, node.kind);
  expect(node.node.volumes.inUse()).toEqual([]);
  node.restart('iscsi', false);
  await node.node.volumes.rebuild();
  expect(node.node.volumes.inUse()).toEqual([]);
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await gone(node);
  expect(node.sessions.size).toBe(0);
});

test('a session that another volume of the node uses stays', async () => {
  using node = new ScsiNode('iscsi');
  node.onScan = (
    (before) => (host: number, what: string) =>
      what === '0 0 1' ? void node.addDisk('by-path', `ip-10.0.0.1:3260-iscsi-${IQN}-lun-1`) : before(host, what)
  )(node.onScan);
  await node.have('a', spec);
  await node.have('b', volumeOf('other', { iscsi: { ...source, lun: 1 } }), b);
  expect(calls(node, /--login/)).toHaveLength(1);
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await until(() => node.node.volumes.size === 1);
  expect(calls(node, /--logout/)).toEqual([]);
  await node.node.leave(b);
  await gone(node);
  expect(calls(node, /--logout/)).toHaveLength(1);
});

test('several portals: the multipath device over the paths is what is mounted, and flushed', async () => {
  using node = new ScsiNode('iscsi');
  const wide = volumeOf('pv', { iscsi: { ...source, portals: ['10.0.0.2:3260'] } });
  const having = node.have('a', wide);
  await until(() => existsSync(join(node.dev, 'sdb')));
  const device = node.multipath('dm-3', 'sda', 'sdb');
  await until(async () => {
    await node.node.clock.advanceAsync(1_000);
    return existsSync(targetOf(node, 'a'));
  });
  await having;
  expect(node.node.programs.find((line) => line.startsWith('mount -t'))).toContain(` ${device} `);
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await gone(node);
  expect(calls(node, /^multipath|delete$|logout/)).toEqual([
    `multipath -f ${device}`,
    expect.stringMatching(/^write 1 \/block\/sd[ab]\/device\/delete$/),
    expect.stringMatching(/^write 1 \/block\/sd[ab]\/device\/delete$/),
    `iscsiadm -m node -p 10.0.0.1:3260 -T ${IQN} --logout -I default`,
    `iscsiadm -m node -p 10.0.0.2:3260 -T ${IQN} --logout -I default`,
  ]);
});

test.each([
  [
    'a target that does not answer',
    /--discover/,
    'failed to get any path for iscsi disk, last err seen:\niscsi: failed to sendtargets to portal 10.0.0.1:3260 output: no route (exit status 4)',
  ],
  [
    'a target that refuses',
    /--login/,
    'failed to get any path for iscsi disk, last err seen:\niscsi: failed to attach disk: Error: no route (exit status 4)',
  ],
  [
    'an interface that there is none of',
    /-o show/,
    'iscsi: could not read iface default error: no route (exit status 4)',
  ],
])('%s is told in kubelet’s words, and nothing is left', async (_name, pattern, message) => {
  using node = new ScsiNode('iscsi');
  node.says.set(pattern, { code: 4, output: 'no route\n' });
  expect(((await failure(node.have('a', spec))) as Error).message).toBe(
    `MountVolume.WaitForAttach failed for volume "pv" : ${message}`,
  );
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await gone(node);
  expect([existsSync(globalOf(node)), node.sessions.size]).toEqual([false, 0]);
});

test('a disk that does not appear is given up after half a minute, and the session is ended with the volume', async () => {
  using node = new ScsiNode('iscsi');
  node.onScan = () => {};
  const having = failure(node.have('a', spec));
  let ended = false;
  void having.then(() => {
    ended = true;
  });
  await until(async () => {
    await node.node.clock.advanceAsync(1_000);
    return ended;
  });
  expect(((await having) as Error).message).toMatch(/Timed out waiting for device at path \S+ after 30s$/);
});

test('without iscsiadm one sentence says what is missing', async () => {
  using node = new ScsiNode('iscsi');
  node.node.answer = () => {
    throw new KubeletError('exec: "iscsiadm": executable file not found in $PATH', { code: 'ProgramMissing' });
  };
  await expect(node.have('a', spec)).rejects.toThrow(
    'MountVolume.WaitForAttach failed for volume "pv" : iSCSI volumes need iscsiadm on the node, which is missing (package open-iscsi): exec: "iscsiadm": executable file not found in $PATH',
  );
});

test('CHAP: passwords of the Secret are set before discovery and login, and no error shows one', async () => {
  using node = new ScsiNode('iscsi');
  const iscsi = {
    ...source,
    chapAuthDiscovery: true,
    chapAuthSession: true,
    secretRef: { name: 'chap', namespace: 'x' },
  };
  const chap = volumeOf('pv', { iscsi });
  expect(node.kind.references?.(chap, a, undefined as never)).toEqual([
    { kind: 'Secret', namespace: 'x', name: 'chap', optional: false },
  ]);
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  const data = {
    'discovery.sendtargets.auth.password': encoded('one'),
    'node.session.auth.username': encoded('me'),
    'node.session.auth.password': encoded('hidden'),
  };
  const context = { objects: { get: () => ({ state: 'present', object: { data } }) }, nodeAllocatable: {} } as never;
  const have = () => {
    const order = {
      pod: a,
      spec: chap,
      context,
      signal: new AbortController().signal,
      event: () => {},
      progress: () => {},
    };
    const identity = { ...node.kind.identify(chap, a, undefined as never), name: 'pv', mode: 'Filesystem' as const };
    const having = node.node.volumes.have(identity, node.kind, order);
    const name = identity.reportedAs!;
    node.node.volumes.nodeSeen({ status: { volumesInUse: [name], volumesAttached: [{ name, devicePath: '' }] } });
    return having;
  };
  node.says.set(/auth\.password -v hidden/, { code: 7, output: 'bad value hidden' });
  expect(((await failure(have())) as Error).message).toMatch(
    /failed to update iscsi node to portal 10.0.0.1:3260 error: "node.session.auth.password" cannot be set \(exit status 7\)$/,
  );
  node.says.clear();
  node.calls.length = 0;
  await have();
  expect(calls(node, /auth/).map((call) => call.split(' -n ')[1])).toEqual([
    'discovery.sendtargets.auth.authmethod -v CHAP',
    'discovery.sendtargets.auth.password -v one',
    'node.session.auth.authmethod -v CHAP',
    'node.session.auth.username -v me',
    'node.session.auth.password -v hidden',
  ]);
});

test('an initiator name of its own: the interface is copied, and deleted with the volume', async () => {
  using node = new ScsiNode('iscsi');
  await node.have('a', volumeOf('pv', { iscsi: { ...source, initiatorName: 'iqn.2020-01.org:me' } }));
  const iface = '10.0.0.1:3260:pv';
  expect(calls(node, /-m iface/).slice(1)).toEqual([
    `iscsiadm -m iface -I ${iface} -o new`,
    `iscsiadm -m iface -I ${iface} -o update -n iface.initiatorname -v iqn.2020-01.org:me`,
    `iscsiadm -m iface -I ${iface} -o update -n iface.mtu -v 9000`,
    `iscsiadm -m iface -I ${iface} -o update -n iface.transport_name -v tcp`,
  ]);
  node.restart('iscsi');
  await node.node.volumes.rebuild();
  node.node.volumes.sourcesSynced();
  await node.node.leave(a);
  await gone(node);
  expect(node.calls.at(-1)).toBe(`iscsiadm -m iface -I ${iface} -o delete`);
});

test.each([
  [{ targetPortal: '--logout' }, 'portal'],
  [{ targetPortal: '10.0.0.1/../../x' }, 'portal'],
  [{ portals: ['-o'] }, 'portal'],
  [{ iqn: 'iqn.a/b' }, 'name of a target'],
  [{ iqn: '-T' }, 'name of a target'],
  [{ iscsiInterface: '../x' }, 'interface'],
  [{ initiatorName: '-v' }, 'name of an initiator'],
  [{ lun: -1 }, 'number of a LUN'],
  [{ lun: 256 }, 'number of a LUN'],
])('%j is refused before anything is done', (more, what) => {
  const hostile = volumeOf('pv', { iscsi: { ...source, ...more } }) as VolumeSpec;
  expect(() => iscsiDisk(hostile)).toThrow(`is no ${what}`);
});

test('a volume may name 64 portals: each is logged in at, in several rounds', () => {
  const named = (count: number) =>
    volumeOf('pv', {
      iscsi: { ...source, portals: Array.from({ length: count - 1 }, (_, i) => `10.0.1.${i}`) },
    }) as VolumeSpec;
  expect(iscsiDisk(named(64)).portals).toHaveLength(64);
  expect(() => iscsiDisk(named(65))).toThrow('iscsi: a volume has at most 64 portals, not 65');
});

test('who waits for its turn at a target that does not answer another volume says so, and may leave', async () => {
  using node = new ScsiNode('iscsi');
  const silent = Promise.withResolvers<void>();
  const answer = node.node.answer;
  node.node.answer = async (request) => {
    if (request.args.includes('--login')) await silent.promise;
    return answer(request);
  };
  const first = node.have('a', spec);
  await until(() => node.calls.some((call) => call.includes('--discover')));
  node.have('b', volumeOf('other', { iscsi: { ...source, lun: 1 } }), b).catch(() => {});
  const volumesInUse = ['0', '1'].map((lun) => `kubernetes.io/iscsi/10.0.0.1:${IQN}:${lun}`);
  const volumesAttached = volumesInUse.map((name) => ({ name, devicePath: '' }));
  node.node.volumes.nodeSeen({ status: { volumesInUse, volumesAttached } });
  const words = `other volumes of the node are being connected with or taken from iSCSI target ${IQN}`;
  await until(() => node.node.waits.filter((one) => one === words).length === 2);
  node.node.volumes.sourcesSynced();
  // While the login still hangs.
  await node.node.leave(b);
  silent.resolve();
  await first;
  expect(calls(node, /--login/)).toHaveLength(1);
});
