import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMounter, MountFlag } from '../../lib/linux/mounter.ts';
import { removeTree } from '../../lib/linux/removeTree.ts';
import type { StoredPod, Volume } from '../../types/k8s.ts';
import type { VolumeContext } from '../contract.ts';
import { createVolumeManager } from '../manager.ts';
import { applyOwnership } from '../ownership.ts';

// Run by volumes.root.test.ts in a mount namespace of its own. Prints one line for each check that passed; throws at the first that did not.

const root = mkdtempSync(join(tmpdir(), 'kubelet-ts-real-'));
const outside = mkdtempSync(join(tmpdir(), 'kubelet-ts-outside-'));
const mounter = createMounter();
const manager = createVolumeManager({ root, mounter });
const { signal } = new AbortController();
const context: VolumeContext = {
  objects: {
    get: (kind: string) =>
      ({
        state: 'present',
        object: kind === 'Secret' ? { data: { p: 'aHVudGVyMg==' } } : { data: { a: '1' } },
      }) as never,
  },
  token: async () => ({ token: 'tok', expiresAt: 1, refreshAt: 1 }),
  nodeAllocatable: { memory: '256Mi' },
};
const volumes: Volume[] = [
  { name: 'secret', secret: { secretName: 's', defaultMode: 0o644 } },
  { name: 'config', configMap: { name: 'c', defaultMode: 0o644 } },
  { name: 'token', projected: { defaultMode: 0o644, sources: [{ serviceAccountToken: { path: 'token' } }] } },
  { name: 'disk', emptyDir: {} },
  { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '8Mi' } },
];
const pod = (uid: string, securityContext = {}): StoredPod => ({
  metadata: { name: 'p', namespace: 'n', uid },
  spec: { containers: [{ name: 'c', image: 'i' }], volumes, securityContext },
});
const mountAll = async (subject: StoredPod) =>
  Object.fromEntries(
    await Promise.all(
      volumes.map(async (volume) => [volume.name, await manager.mount(subject, volume, context, signal)] as const),
    ),
  );
const mode = (path: string) => statSync(path).mode & 0o7777;
const passed = (what: string) => console.log(`ok ${what}`);

async function volumesAreMounted(): Promise<void> {
  const mounted = await mountAll(pod('u1'));
  const secret = mounted.secret!.hostPath;
  const entry = (await mounter.list(secret))[0]!;
  assert.equal(entry.fsType, 'tmpfs');
  assert.ok(entry.superOptions.includes('size=262144k'), String(entry.superOptions));
  const [major, minor] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number);
  if (major! > 6 || (major === 6 && minor! >= 4))
    assert.ok(entry.superOptions.includes('noswap'), String(entry.superOptions));
  assert.equal(readFileSync(join(secret, 'p'), 'utf8'), 'hunter2');
  assert.equal(mode(secret), 0o1777);
  assert.equal(await mounter.isMountPoint(mounted.disk!.hostPath), false);
  assert.equal(mode(mounted.disk!.hostPath), 0o777);
  const before = (await mounter.list(root)).length;
  assert.equal(before, 3);
  await mountAll(pod('u1'));
  assert.equal((await mounter.list(root)).length, before);
  await mounter.unmount(secret);
  assert.deepEqual(readdirSync(secret), [], 'a secret was under its mount, on disk');
  passed('volumes are mounted once, secrets in memory only');
}

async function groupsAndOwners(): Promise<void> {
  const mounted = await mountAll(pod('u2', { fsGroup: 4242, runAsUser: 4343 }));
  assert.equal(statSync(mounted.secret!.hostPath).gid, 4242);
  assert.equal(mode(mounted.secret!.hostPath), 0o3777);
  assert.equal(mode(mounted.disk!.hostPath), 0o2777);
  assert.equal(statSync(mounted.disk!.hostPath).gid, 4242);
  const { hostPath } = mounted.token!;
  // Else fs.protected_symlinks keeps everybody but the Pod's user from the file.
  assert.equal(lstatSync(join(hostPath, 'token')).uid, statSync(hostPath).uid);
  const token = statSync(join(hostPath, 'token'));
  assert.deepEqual([token.uid, token.gid, token.mode & 0o7777], [4343, 4242, 0o640]);
  writeFileSync(join(mounted.disk!.hostPath, 'new'), '');
  assert.equal(statSync(join(mounted.disk!.hostPath, 'new')).gid, 4242);
  passed('fsGroup and fsUser hold');
}

async function subPathsAreBound(): Promise<void> {
  const subject = pod('u3');
  const { disk } = await mountAll(subject);
  const prepare = (subPath: string, mountIndex = 0) =>
    manager.prepareSubPath(subject, { container: 'c', mountIndex, subPath, mounted: disk! });
  const bound = await prepare('data/deep');
  assert.equal(statSync(bound).ino, statSync(join(disk!.hostPath, 'data/deep')).ino);
  assert.equal(mode(join(disk!.hostPath, 'data')), 0o777);
  await prepare('data/deep');
  assert.equal((await mounter.list(bound)).length, 1, 'bound twice');
  renameSync(join(disk!.hostPath, 'data/deep'), join(disk!.hostPath, 'moved'));
  mkdirSync(join(disk!.hostPath, 'data/deep'));
  await prepare('data/deep');
  assert.equal(statSync(bound).ino, statSync(join(disk!.hostPath, 'data/deep')).ino);
  writeFileSync(join(disk!.hostPath, 'file'), 'f');
  assert.equal(readFileSync(await prepare('file', 1), 'utf8'), 'f');
  passed('subPaths are bound to the file that was checked');
}

async function subPathRace(): Promise<void> {
  const subject = pod('u4');
  const { disk } = await mountAll(subject);
  const spot = join(disk!.hostPath, 'spot');
  writeFileSync(join(outside, 'hostage'), 'x');
  let running = true;
  let swaps = 0;
  const attacker = (async () => {
    for (; running; swaps++) {
      const next = join(disk!.hostPath, `next${swaps}`);
      if (swaps % 2) mkdirSync(next);
      else symlinkSync(outside, next);
      if (existsSync(spot)) renameSync(spot, join(disk!.hostPath, `old${swaps}`));
      renameSync(next, spot);
      // Not in step with the other: it would meet the same kind each time.
      for (let rest = swaps % 5; rest >= 0; rest--) await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  let bound = 0;
  for (let round = 0; round < 200 || (bound === 0 && round < 20_000); round++) {
    try {
      const path = await manager.prepareSubPath(subject, {
        container: 'c',
        mountIndex: round,
        subPath: 'spot',
        mounted: disk!,
      });
      bound++;
      assert.ok(!existsSync(join(path, 'hostage')), 'a symlink led a subPath out of its volume');
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'SubPath', String(error));
    }
  }
  running = false;
  await attacker;
  assert.ok(bound > 0 && swaps > 50, `${bound} bound, ${swaps} swaps`);
  passed('a racing symlink never leads out of the volume');
}

async function teardown(): Promise<void> {
  const { disk } = await mountAll(pod('u5'));
  const inner = join(disk!.hostPath, 'a/propagated');
  mkdirSync(inner, { recursive: true });
  await mounter.mount({ source: outside, target: inner, fsType: null, flags: MountFlag.bind });
  await mounter.mount({ source: 'tmpfs', target: join(inner), fsType: 'tmpfs' });
  // Names of any bytes, as only a shell can spell them here.
  const script = 'd="$1/$(printf "m\\377\\n\\376")"; mkdir "$d" && mount -t tmpfs tmpfs "$d" && touch "$d/in"';
  execFileSync('sh', ['-c', script, 'sh', join(disk!.hostPath, 'a')]);
  assert.equal((await mounter.list(disk!.hostPath)).length, 3);
  await assert.rejects(removeTree(disk!.hostPath, signal), /mount point/);
  assert.equal(readFileSync(join(outside, 'hostage'), 'utf8'), 'x');
  for (const uid of ['u1', 'u2', 'u3', 'u4', 'u5', 'u5', 'never']) await manager.unmountAll(uid, signal);
  assert.equal(readFileSync(join(outside, 'hostage'), 'utf8'), 'x', 'teardown deleted through a mount');
  assert.deepEqual(await mounter.list(root), []);
  for (const uid of readdirSync(join(root, 'pods'))) assert.deepEqual(readdirSync(join(root, 'pods', uid)), []);
  passed('teardown leaves nothing and deletes nothing behind a mount');
}

async function ownership(): Promise<void> {
  const path = join(root, 'own');
  mkdirSync(join(path, 'd'), { recursive: true });
  writeFileSync(join(path, 'd/f'), '', { mode: 0o600 });
  symlinkSync(join(outside, 'hostage'), join(path, 'd/link'));
  const before = statSync(join(outside, 'hostage'));
  const first = await applyOwnership({ path, group: 4242, policy: 'OnRootMismatch', signal });
  assert.deepEqual(first, { walked: true, entries: 4, failed: 0 });
  assert.deepEqual([mode(join(path, 'd/f')), mode(join(path, 'd')), mode(path)], [0o660, 0o2775, 0o2775]);
  assert.equal(statSync(join(path, 'd/f')).gid, 4242);
  const after = statSync(join(outside, 'hostage'));
  assert.deepEqual([after.gid, after.mode], [before.gid, before.mode], 'a symlink was followed');
  assert.equal((await applyOwnership({ path, group: 4242, policy: 'OnRootMismatch', signal })).walked, false);
  assert.equal((await applyOwnership({ path, group: 4242, signal })).walked, true);
  passed('ownership is applied without following links');
}

async function speed(): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < 30; round++) {
    const subject = pod(`t${round}`);
    const started = performance.now();
    await mountAll(subject);
    times.push(performance.now() - started);
    await manager.unmountAll(subject.metadata.uid, signal);
  }
  passed(`five volumes mounted in ${times.sort((a, b) => a - b)[15]!.toFixed(1)} ms (median)`);
}

try {
  for (const check of [volumesAreMounted, groupsAndOwners, subPathsAreBound, subPathRace, teardown, ownership, speed])
    await check();
} finally {
  for (const entry of (await mounter.list(root)).toReversed()) await mounter.unmount(entry.mountPoint);
  rmSync(root, { recursive: true, force: true });
  rmSync(outside, { recursive: true, force: true });
}
