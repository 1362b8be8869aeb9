import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../lib/clock.ts';
import { createMounter, MountFlag } from '../../lib/linux/mounter.ts';
import { runProgram } from '../../lib/linux/runProgram.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { StoredPod } from '../../types/k8s.ts';
import type { VolumeSpec } from '../persistent/contract.ts';
import type { ExpansionServices } from '../persistent/expansion.ts';
import { persistentKinds } from '../persistent/kinds.ts';
import { PersistentVolumes } from '../persistent/persistentVolumes.ts';
import { ScsiDevices } from '../scsi/devices.ts';
import { iscsiKind } from '../scsi/iscsiKind.ts';

// Run by persistent.root.test.ts in a mount namespace of its own. Prints one line for each check that passed; throws at the first that did not.

const root = mkdtempSync(join(tmpdir(), 'kubelet-ts-persistent-'));
const mounter = createMounter();
const { signal } = new AbortController();
const host = { root, mounter, log: silentLogger, digest: () => '', run: runProgram };
const kinds = persistentKinds();
const open = () => {
  const volumes = new PersistentVolumes({ host, kinds, clock: realClock, log: silentLogger });
  volumes.sourcesSynced();
  return volumes;
};
const passed = (what: string) => console.log(`ok ${what}`);
const pod = (uid: string, securityContext = {}) =>
  ({ metadata: { name: uid, namespace: 'n', uid }, spec: { containers: [], securityContext } }) as StoredPod;
const volume = (name: string, path: string, more: Partial<VolumeSpec> = {}, spec: object = {}): VolumeSpec => ({
  name,
  pv: { metadata: { name }, spec: { local: { path }, ...spec } },
  readOnly: false,
  mode: 'Filesystem',
  ...more,
});
const have = async (volumes: PersistentVolumes, subject: StoredPod, spec: VolumeSpec, size?: string) => {
  const kind = kinds.of(spec);
  const context = { objects: undefined as never, token: undefined as never, nodeAllocatable: {} };
  const identity = { ...kind.identify(spec, subject, context.objects), name: spec.name, mode: spec.mode };
  const grow = size === undefined ? {} : { size };
  const order = { pod: subject, spec, context, signal, event: () => {}, progress: () => {}, ...grow };
  return (await volumes.have(identity, kind, order)).path;
};
const mounts = async () => (await mounter.list(root)).length;

async function directories(): Promise<void> {
  const path = join(root, 'disk');
  mkdirSync(path);
  const volumes = open();
  const [one, two] = [
    await have(volumes, pod('a'), volume('pv', path)),
    await have(volumes, pod('b'), volume('pv', path)),
  ];
  writeFileSync(join(one, 'file'), 'data');
  assert.equal(readFileSync(join(two, 'file'), 'utf8'), 'data');
  // What a container mounts in the volume and shares.
  mkdirSync(join(one, 'sub'));
  await mounter.mount({ source: 'tmpfs', target: join(one, 'sub'), fsType: 'tmpfs' });
  // A kill after the mount and before anybody knew of it: mounted twice.
  await mounter.mount({ source: path, target: one, fsType: null, flags: MountFlag.bind });
  await volumes.leave('a', signal);
  assert.deepEqual([existsSync(one), existsSync(join(path, 'file')), await mounts()], [false, true, 1]);
  await volumes.leave('b', signal);
  assert.deepEqual([await mounts(), readFileSync(join(path, 'file'), 'utf8')], [0, 'data']);
  passed('a directory is bound into Pods and out again, and keeps its files');
}

async function readOnly(): Promise<void> {
  const path = join(root, 'disk');
  const spec = volume('pv', path, { readOnly: true }, { mountOptions: ['noexec'] });
  const target = join(root, 'pods/c/volumes/kubernetes.io~local-volume/pv');
  mkdirSync(target, { recursive: true });
  // A kill between the bind and its options.
  await mounter.mount({ source: path, target, fsType: null, flags: MountFlag.bind });
  const volumes = open();
  assert.equal(await have(volumes, pod('c'), spec), target);
  const [entry, ...others] = await mounter.list(target);
  assert.deepEqual([entry!.options.includes('ro'), entry!.options.includes('noexec'), others], [true, true, []]);
  assert.throws(() => writeFileSync(join(target, 'file'), ''), /EROFS/);
  await volumes.leave('c', signal);
  const plain = await have(volumes, pod('d'), volume('pv', path, { readOnly: true }));
  assert.throws(() => writeFileSync(join(plain, 'file'), ''), /EROFS/);
  await volumes.leave('d', signal);
  assert.equal(await mounts(), 0);
  passed('read-only and mount options hold, also after a kill between the steps');
}

async function groups(): Promise<void> {
  const path = join(root, 'disk');
  const volumes = open();
  await have(volumes, pod('e', { fsGroup: 4242 }), volume('pv', path));
  assert.deepEqual([statSync(path).gid, statSync(join(path, 'file')).gid], [4242, 4242]);
  await have(volumes, pod('f', { fsGroup: 4343 }), volume('pv', path));
  assert.equal(statSync(path).gid, 4242);
  for (const uid of ['e', 'f']) await volumes.leave(uid, signal);
  passed("the first Pod's fsGroup owns the files");
}

async function disks(): Promise<void> {
  const image = join(root, 'image');
  execFileSync('truncate', ['--size=64M', image]);
  const device = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
  try {
    const blank = volume('blank', device, { readOnly: true });
    const first = open();
    await assert.rejects(
      have(first, pod('g'), blank),
      /cannot mount unformatted disk \S+ as we are manipulating it in read-only mode/,
    );
    await first.leave('g', signal);
    const volumes = open();
    const made = await have(volumes, pod('h'), volume('fs', device, {}, { mountOptions: ['noatime'] }));
    writeFileSync(join(made, 'file'), 'kept');
    const global = join(root, 'plugins/kubernetes.io/local-volume/mounts/fs');
    assert.deepEqual(
      [(await mounter.list(global))[0]?.fsType, (await mounter.list(global))[0]?.options.includes('noatime')],
      ['ext4', true],
    );
    // The process is killed; the next one finds both mounts.
    const next = open();
    await next.rebuild();
    assert.deepEqual(next.holders(), ['h']);
    await next.leave('h', signal);
    while (next.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual([await mounts(), existsSync(global)], [0, false]);
    // It is checked, not formatted again.
    assert.equal(readFileSync(join(await have(open(), pod('i'), volume('fs', device)), 'file'), 'utf8'), 'kept');
    const last = open();
    await last.rebuild();
    await last.leave('i', signal);
    while (last.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    passed('a disk gets a file system once, and its mounts are found again');
    await grown(image, device);
    await blockDevices(device);
    await iscsiDisks(device);
  } finally {
    execFileSync('losetup', ['--detach', device]);
  }
}

/** CAP_SYS_RESOURCE, which the kernel wants for growing ext4; root of a container may be without. */
function mayGrow(): boolean {
  const [, effective = '0'] = /^CapEff:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

/** The disk has become larger while a Pod uses it, and the claim does not know yet. */
async function grown(image: string, device: string): Promise<void> {
  execFileSync('truncate', ['--size=128M', image]);
  execFileSync('losetup', ['--set-capacity', device]);
  const told: unknown[] = [];
  const claim = {
    metadata: { name: 'c', namespace: 'n', resourceVersion: '1' },
    status: { capacity: { storage: '64Mi' } },
  };
  const claims = { get: async () => claim, patch: async (...patched: unknown[]) => void told.push(patched[3]) };
  const expansion = {
    ...{ nodeName: 'n1', clock: realClock, failedExpansions: new Set<string>(), claimEvent: () => {} },
    claims: claims as unknown as ExpansionServices['claims'],
  };
  using volumes = new PersistentVolumes({ host: { ...host, expansion }, kinds, clock: realClock, log: silentLogger });
  volumes.sourcesSynced();
  const spec = volume('fs', device, {}, { capacity: { storage: '128Mi' }, claimRef: { namespace: 'n', name: 'c' } });
  if (mayGrow()) {
    const path = await have(volumes, pod('k'), spec, '128Mi');
    assert.ok(statfsSync(path).blocks * statfsSync(path).bsize > 100 << 20, 'the file system is as large as the disk');
    assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'kept');
    assert.equal(told.length, 1);
  } else {
    // The kernel has the last word: the program was run on the disk in use, and the claim is not told what is not so.
    await assert.rejects(
      have(volumes, pod('k'), spec, '128Mi'),
      /failed while expanding volume for volume "fs" : .*Permission denied to resize filesystem/s,
    );
    assert.equal(told.length, 0);
  }
  await volumes.leave('k', signal);
  while (volumes.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  passed('a disk that has grown has its file system grown, and the claim is told');
}

async function blockDevices(device: string): Promise<void> {
  const spec = volume('raw', device, { mode: 'Block' });
  const volumes = open();
  const link = await have(volumes, pod('j'), spec);
  const bound = join(root, 'plugins/kubernetes.io~local-volume/volumeDevices/raw/j');
  assert.deepEqual([statSync(link).isBlockDevice(), statSync(link).rdev], [true, statSync(bound).rdev]);
  const next = open();
  await next.rebuild();
  assert.deepEqual(next.holders(), ['j']);
  assert.equal(await have(next, pod('j'), spec), link);
  assert.equal(await mounts(), 1);
  await next.leave('j', signal);
  assert.deepEqual([await mounts(), existsSync(link), existsSync(bound), existsSync(device)], [0, false, false, true]);
  passed('a device is mapped for its Pod and unmapped, and is never touched');
}

/** A node whose iscsiadm only says yes, and whose disk is there: what is mounted and mapped is real. */
async function iscsiDisks(device: string): Promise<void> {
  const iqn = 'iqn.2003-01.io.k8s:disk';
  const bin = join(root, 'bin');
  const log = join(root, 'iscsiadm.calls');
  mkdirSync(bin);
  const shown = 'case "$*" in *show) echo "iface.transport_name = tcp";; esac';
  writeFileSync(join(bin, 'iscsiadm'), `#!/bin/sh\necho "$*" >> ${log}\n${shown}\n`, { mode: 0o755 });
  process.env.PATH = `${bin}:${process.env.PATH}`;
  const [sys, dev] = [join(root, 'sys'), join(root, 'dev')];
  const session = join(sys, 'class/iscsi_host/host9/device/session1');
  const connection = join(session, 'connection1:0/iscsi_connection/connection1:0');
  mkdirSync(connection, { recursive: true });
  for (const file of ['address', 'persistent_address']) writeFileSync(join(connection, file), '10.0.0.1');
  for (const file of ['port', 'persistent_port']) writeFileSync(join(connection, file), '3260');
  mkdirSync(join(session, 'iscsi_session/session1'), { recursive: true });
  writeFileSync(join(session, 'iscsi_session/session1/targetname'), iqn);
  mkdirSync(join(sys, 'class/scsi_host/host9'), { recursive: true });
  mkdirSync(join(dev, 'disk/by-path'), { recursive: true });
  symlinkSync(device, join(dev, 'disk/by-path', `ip-10.0.0.1:3260-iscsi-${iqn}-lun-0`));
  const scsi = new ScsiDevices({ sys, dev });
  const life = () => {
    const kind = iscsiKind(scsi, realClock);
    const volumes = new PersistentVolumes({
      ...{ host, clock: realClock, log: silentLogger },
      kinds: { all: [kind], of: () => kind },
    });
    volumes.sourcesSynced();
    return { kind, volumes };
  };
  const iscsi = { targetPortal: '10.0.0.1:3260', iqn, lun: 0 };
  const reported = `kubernetes.io/iscsi/10.0.0.1:3260:${iqn}:0`;
  const want = async ({ kind, volumes }: ReturnType<typeof life>, uid: string, mode: VolumeSpec['mode']) => {
    const spec = { name: 'pv', pv: { metadata: { name: 'pv' }, spec: { iscsi } }, readOnly: false, mode };
    const context = { objects: undefined as never, token: undefined as never, nodeAllocatable: {} };
    const identity = { ...kind.identify(spec, pod(uid), context.objects), name: 'pv', mode };
    const order = { pod: pod(uid), spec, context, signal, event: () => {}, progress: () => {} };
    const having = volumes.have(identity, kind, order);
    volumes.nodeSeen({ status: { volumesInUse: [reported], volumesAttached: [{ name: reported, devicePath: '' }] } });
    return (await having).path;
  };
  for (const mode of ['Filesystem', 'Block'] as const) {
    const first = life();
    const path = await want(first, 'm', mode);
    if (mode === 'Filesystem') assert.equal(readFileSync(join(path, 'file'), 'utf8'), 'kept');
    else assert.ok(statSync(path).isBlockDevice());
    first.volumes[Symbol.dispose]();
    const { volumes } = life();
    await volumes.rebuild();
    assert.deepEqual([volumes.holders(), volumes.size], [['m'], 1]);
    await volumes.leave('m', signal);
    while (volumes.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const left = existsSync(
      join(
        root,
        'plugins/kubernetes.io/iscsi',
        mode === 'Block' ? 'volumeDevices' : '',
        'iface-default',
        `10.0.0.1:3260-${iqn}-lun-0`,
      ),
    );
    assert.deepEqual([await mounts(), existsSync(path), left], [0, false, false]);
    assert.match(readFileSync(log, 'utf8'), /--logout/);
    rmSync(log);
  }
  passed('an iSCSI disk is mounted and mapped in Go’s places, and found and given back after a kill');
}

try {
  for (const check of [directories, readOnly, groups, disks]) await check();
} finally {
  for (const entry of (await mounter.list(root)).toReversed()) await mounter.unmount(entry.mountPoint);
  rmSync(root, { recursive: true, force: true });
}
