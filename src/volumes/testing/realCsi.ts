import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
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
import { realClock } from '../../lib/clock.ts';
import { createMounter } from '../../lib/linux/mounter.ts';
import { runProgram } from '../../lib/linux/runProgram.ts';
import { silentLogger } from '../../lib/logger.ts';
import type { StoredPod, Volume, VolumeAttachment } from '../../types/k8s.ts';
import type { ObjectLookup, VolumeContext } from '../contract.ts';
import { CsiDriver } from '../csi/driver.ts';
import { CsiDrivers } from '../csi/drivers.ts';
import { FakeCsiDriver } from '../csi/fake/driver.ts';
import { CsiKind } from '../csi/kind.ts';
import { inlineHandle } from '../csi/names.ts';
import type { CsiServices } from '../csi/services.ts';
import { removeTarget } from '../csi/target.ts';
import { createVolumeManager } from '../manager.ts';
import { persistentKinds } from '../persistent/kinds.ts';
import { PersistentVolumes } from '../persistent/persistentVolumes.ts';

// Run by csi.root.test.ts in a mount namespace of its own. Prints one line for each check that passed; throws at the first that did not.

const root = mkdtempSync(join(tmpdir(), 'kubelet-ts-csi-'));
const data = join(root, 'driver-data');
const name = 'real.csi.example';
const mounter = createMounter();
const { signal } = new AbortController();
mkdirSync(data);
mkdirSync(join(root, 'pods'));
const driver = await new FakeCsiDriver({
  ...{ socket: join(root, 'csi.sock'), data, mounter },
  capabilities: ['STAGE_UNSTAGE_VOLUME'],
}).start();
const drivers = new CsiDrivers();
drivers.set(new CsiDriver({ name, endpoint: join(root, 'csi.sock'), version: [1], clock: realClock }));
const services: CsiServices = {
  ...{ drivers, nodeName: 'n1', clock: realClock, republishMs: 60_000, failedExpansions: new Set<string>() },
  secret: async () => ({}),
  attachment: async () => ({ status: { attached: true } }) as unknown as VolumeAttachment,
  updateNow: async () => {},
  claimEvent: () => {},
  claims: undefined as never,
};
const host = { root, mounter, log: silentLogger, digest: () => '', run: runProgram, csi: services };
const persistent = new PersistentVolumes({
  ...{ clock: realClock, log: silentLogger, host },
  kinds: persistentKinds(new CsiKind(services)),
});
const manager = createVolumeManager({ root, mounter, persistent, csi: services });
const objects = new Map<string, unknown>([
  [
    `CSIDriver //${name}`,
    { spec: { attachRequired: false, fsGroupPolicy: 'File', volumeLifecycleModes: ['Persistent', 'Ephemeral'] } },
  ],
]);
const context: VolumeContext = {
  objects: {
    get: (kind: string, namespace: string, one: string) => {
      const object = objects.get(`${kind} ${namespace}/${one}`) ?? objects.get(`${kind} /${namespace}/${one}`);
      return object ? { state: 'present', object } : { state: 'absent' };
    },
  } as ObjectLookup,
  token: async () => ({ token: 't', expiresAt: 0, refreshAt: 0 }),
  nodeAllocatable: {},
};
const podOf = (uid: string, volume: Volume, spec: object = {}): StoredPod => ({
  metadata: { name: uid, namespace: 'shop', uid },
  spec: { containers: [], volumes: [volume], ...spec },
});
const ok = (what: string) => console.log(`ok ${what}`);
const leftIn = (directory: string) => (existsSync(directory) ? readdirSync(directory) : []);

async function inline(): Promise<void> {
  const volume = { name: 'v', csi: { driver: name } };
  const pod = podOf('a', volume, { securityContext: { fsGroup: 4321 } });
  const mounted = await manager.mount(pod, volume, context, signal);
  assert.ok(await mounter.isMountPoint(mounted.hostPath));
  writeFileSync(join(mounted.hostPath, 'file'), 'kept');
  assert.equal(statSync(mounted.hostPath).gid, 4321);
  const request = { container: 'c', mountIndex: 0, subPath: 'sub', mounted };
  const bound = await manager.prepareSubPath(pod, request);
  assert.ok(await mounter.isMountPoint(bound));
  await manager.unmountAll('a', signal);
  assert.deepEqual(leftIn(join(root, 'pods/a')), []);
  assert.equal(readFileSync(join(data, inlineHandle('a', 'v'), 'file'), 'utf8'), 'kept');
  assert.deepEqual(driver.wrongs, []);
}

async function stillMounted(): Promise<void> {
  const directory = join(root, 'left/pv');
  const target = join(directory, 'mount');
  mkdirSync(target, { recursive: true });
  await mounter.mount({ source: 'x', target, fsType: 'tmpfs' });
  writeFileSync(join(target, 'precious'), 'x');
  await assert.rejects(removeTarget(target), /the driver has left it mounted/);
  assert.ok(existsSync(join(target, 'precious')));
  await mounter.unmount(target);
  await removeTarget(target);
  assert.deepEqual(leftIn(join(root, 'left')), []);
}

const claimed = (volumeMode: string, handle: string): void => {
  objects.set('PersistentVolumeClaim shop/claim', {
    metadata: { name: 'claim', uid: 'claim-uid' },
    spec: { volumeName: 'pv' },
    status: { phase: 'Bound' },
  });
  objects.set('PersistentVolume /pv', {
    metadata: { name: 'pv' },
    spec: {
      ...{ volumeMode, accessModes: ['ReadWriteOnce'], claimRef: { uid: 'claim-uid' } },
      csi: { driver: name, volumeHandle: handle },
    },
  });
};
const volume: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'claim' } };

async function behindClaim(): Promise<void> {
  claimed('Filesystem', 'disk');
  for (const uid of ['b', 'c']) {
    const { hostPath } = await manager.mount(podOf(uid, volume), volume, context, signal);
    writeFileSync(join(hostPath, uid), uid);
  }
  await manager.unmountAll('b', signal);
  await manager.unmountAll('c', signal);
  persistent.sourcesSynced();
  while (persistent.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(leftIn(join(data, 'disk')).sort(), ['b', 'c']);
  assert.deepEqual(leftIn(join(root, 'plugins/kubernetes.io/csi', name)), []);
  assert.deepEqual(driver.wrongs, []);
}

async function device(): Promise<void> {
  const image = join(root, 'disk.img');
  writeFileSync(image, Buffer.alloc(1 << 20));
  const loop = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
  try {
    symlinkSync(loop, join(data, 'raw'));
    claimed('Block', 'raw');
    const pod = podOf('d', volume, {
      containers: [{ name: 'c', volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] }],
    });
    const { hostPath, block } = await manager.mount(pod, volume, context, signal);
    assert.ok(block);
    assert.ok(statSync(hostPath).isBlockDevice());
    await manager.unmountAll('d', signal);
    while (persistent.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(leftIn(join(root, 'plugins/kubernetes.io/csi/volumeDevices/pv')), []);
    assert.deepEqual(leftIn(join(root, 'plugins/kubernetes.io/csi/volumeDevices/publish')), []);
    assert.deepEqual(leftIn(join(root, 'pods/d')), []);
  } finally {
    execFileSync('losetup', ['--detach', loop]);
  }
}

await inline();
ok('an inline volume is mounted, its files get the group, subPaths are bound and released, its data is kept');
await stillMounted();
ok('what a driver has left mounted is not touched');
await behindClaim();
ok('two Pods have a volume behind a claim, and nothing is left of it but its data');
await device();
ok('a raw device is mapped for its Pod and unmapped');
persistent[Symbol.dispose]();
drivers[Symbol.dispose]();
await driver.stop();
assert.deepEqual(
  (await mounter.list(root)).map(({ mountPoint }) => mountPoint),
  [],
);
rmSync(root, { recursive: true });
