// Pods with claims: the volume behind each is there, in time, with its data, and nothing of it is left or lost.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stopKubelet } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod, PodSpec } from '../../src/types/k8s.ts';
import { claimSpec, makeClaim, makeVolume, onThisNode, removeVolumes, volumeName } from '../lib/claims.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { untilWritten } from '../lib/files.ts';
import { untilNothingLeft } from '../lib/leftovers.ts';
import { create, pod, podUrl, removeAndWait, rest, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

const mount = { name: 'data', mountPath: '/data' };
const claimed = (claimName: string) => ({ name: 'data', persistentVolumeClaim: { claimName } });

/** A Pod that adds a line to the volume's file at each start. */
function writer(t: TestContext, name: string, claim: string, more: Partial<PodSpec> = {}): Pod {
  const containers = [shell('main', `echo ${name} >> /data/log; ${rest}`, { volumeMounts: [mount] })];
  return pod(t, name, { containers, volumes: [claimed(claim)], ...more });
}

const directoryOf = (t: TestContext, name: string): string => {
  const directory = path.join(t.directory, name);
  mkdirSync(directory, { recursive: true });
  return directory;
};

const uidOf = (of: Pod): string => of.metadata?.uid ?? '';

/** The test's volumes, whose Pods have gone before or go now. */
async function withVolumes(t: TestContext, names: readonly string[], run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } finally {
    for (const { metadata } of t.lab.pods.all(t.namespace)) await t.lab.api.remove(podUrl(t, metadata?.name ?? ''));
    await removeVolumes(t, ...names);
  }
}

/** As the documentation's "Configure a Pod to Use a PersistentVolume for Storage" has it. */
async function tutorial(t: TestContext): Promise<void> {
  await withVolumes(t, ['task-pv'], async () => {
    const directory = directoryOf(t, 'mnt');
    writeFileSync(path.join(directory, 'index.html'), 'Hello from Kubernetes storage');
    await makeVolume(t, 'task-pv', { hostPath: { path: directory } });
    await makeClaim(t, 'task-pv', { resources: { requests: { storage: '500Mi' } } });
    const script = `cp /data/index.html /data/read; ${rest}`;
    const spec = { containers: [shell('main', script, { volumeMounts: [mount] })], volumes: [claimed('task-pv')] };
    const made = await create(t, pod(t, 'task-pv-pod', spec));
    await untilReady(t, 'task-pv-pod');
    assert.equal(await untilWritten(t, 'mnt/read'), 'Hello from Kubernetes storage');
    await removeAndWait(t, made);
    assert.deepEqual(readdirSync(directory).sort(), ['index.html', 'read']);
  });
}

/** Each gate on the way to the volume says what it waits for, in kubelet's words, and opens when the object comes. */
async function comesLate(t: TestContext): Promise<void> {
  await withVolumes(t, ['late'], async () => {
    await create(t, writer(t, 'early', 'late'));
    await expectWait(t, 'early', 'VolumeFailed', /persistentvolumeclaims "late" not found/);
    await makeClaim(t, 'late');
    await expectWait(t, 'early', 'VolumeFailed', /error processing PVC \S+\/late: PVC is not bound/);
    await t.lab.events.until('the Event of it', () =>
      t.lab.events
        .all(t.namespace)
        .some(({ reason, message = '' }) => reason === 'FailedMount' && message.includes('PVC is not bound')),
    );
    await makeVolume(t, 'late', { hostPath: { path: directoryOf(t, 'late') } });
    await untilReady(t, 'early');
    assert.equal(await untilWritten(t, 'late/log'), 'early\n');
  });
}

/** A local volume outlasts its Pods; the agent is killed while one has it, and while one is gone. */
async function local(t: TestContext): Promise<void> {
  await withVolumes(t, ['disk'], async () => {
    const directory = directoryOf(t, 'disk');
    await makeVolume(
      t,
      'disk',
      { local: { path: directory }, ...onThisNode(t) },
      {
        annotations: { 'pv.beta.kubernetes.io/gid': '4711' },
      },
    );
    await makeClaim(t, 'disk');
    const script = `id -G > /data/groups; echo first >> /data/log; ${rest}`;
    const spec = {
      containers: [shell('main', script, { volumeMounts: [mount, { ...mount, mountPath: '/sub', subPath: 'a/b' }] })],
      securityContext: { fsGroup: 1234 },
      volumes: [claimed('disk')],
    };
    const first = await create(t, pod(t, 'first', spec));
    await untilReady(t, 'first');
    const groups = (await untilWritten(t, 'disk/groups')).trim().split(' ');
    assert.ok(groups.includes('4711') && groups.includes('1234'), `groups of the container are ${groups}`);
    assert.equal(statSync(directory).gid, 1234);
    const seen = Unnoticed.of(t, ['first']);
    await stopKubelet(t.lab.cluster, 'SIGKILL');
    await t.lab.startAgent();
    await t.lab.untilLookedAt([first]);
    await seen.assert('the kill');
    const second = await create(t, writer(t, 'second', 'disk'));
    await untilReady(t, 'second');
    const other = Unnoticed.of(t, ['second']);
    await stopKubelet(t.lab.cluster, 'SIGKILL');
    try {
      await t.lab.api.remove(podUrl(t, 'first'), { gracePeriodSeconds: 0 });
    } finally {
      await t.lab.startAgent();
    }
    await untilNothingLeft(t.lab, uidOf(first));
    await t.lab.untilLookedAt([second]);
    await other.assert('the kill, and the end of the other Pod meanwhile');
    await removeAndWait(t, second);
    await untilNothingLeft(t.lab, uidOf(second));
    assert.equal(readFileSync(path.join(directory, 'log'), 'utf8'), 'first\nsecond\n');
    assert.ok(existsSync(path.join(directory, 'a/b')));
    const mounts = await t.lab.onNode('cat', '/proc/self/mountinfo');
    assert.ok(!mounts.includes(volumeName(t, 'disk')), 'nothing of the volume is mounted any more');
  });
}

/** A claim that is made for the Pod, and one of the same name that is not. */
async function ephemeral(t: TestContext): Promise<void> {
  await withVolumes(t, ['scratch'], async () => {
    await makeVolume(t, 'scratch', { hostPath: { path: directoryOf(t, 'scratch') } });
    const volumes = (name: string) => ({
      volumes: [{ name: 'data', ephemeral: { volumeClaimTemplate: { spec: claimSpec(t, name) } } }],
    });
    const made = await create(t, writer(t, 'own', '', volumes('scratch') as Partial<PodSpec>));
    await untilReady(t, 'own');
    assert.equal(await untilWritten(t, 'scratch/log'), 'own\n');
    await removeAndWait(t, made);
    // Bound, and of the name that the Pod's would have.
    await makeVolume(t, 'other-data', { hostPath: { path: directoryOf(t, 'other') } });
    await makeClaim(t, 'other-data');
    try {
      await create(t, writer(t, 'other', '', volumes('other-data') as Partial<PodSpec>));
      await expectWait(
        t,
        'other',
        'VolumeFailed',
        /PVC \S+\/other-data was not created for pod \S+\/other \(pod is not owner\)/,
      );
    } finally {
      await removeVolumes(t, 'other-data');
    }
  });
}

/** What a StatefulSet does to one of its Pods: gone, and there again under its name, with its data. */
async function recreated(t: TestContext): Promise<void> {
  await withVolumes(t, ['member-0'], async () => {
    const directory = directoryOf(t, 'member-0');
    await makeVolume(t, 'member-0', {
      local: { path: directory },
      ...onThisNode(t),
      accessModes: ['ReadWriteOncePod'],
    });
    await makeClaim(t, 'member-0', { accessModes: ['ReadWriteOncePod'] });
    for (let life = 1; life <= 3; life++) {
      const made = await create(t, writer(t, 'member', 'member-0'));
      await untilReady(t, 'member');
      await untilWritten(t, 'member-0/log', (text) => text === 'member\n'.repeat(life));
      if (life === 2) {
        await create(t, writer(t, 'rival', 'member-0'));
        const words = /volume uses the ReadWriteOncePod access mode and is already in use by another pod/;
        await expectWait(t, 'rival', 'VolumeFailed', words);
        await t.lab.api.remove(podUrl(t, 'rival'), { gracePeriodSeconds: 0 });
      }
      await removeAndWait(t, made);
    }
  });
}

/** A disk of the node: as a file system that is made on it, and as a device. */
async function disk(t: TestContext): Promise<void> {
  const file = path.join(t.directory, 'disk.img');
  await t.lab.onNode('truncate', '--size=64M', file);
  const device = (await t.lab.onNode('losetup', '--find', '--show', file)).trim();
  try {
    await withVolumes(t, ['ext4', 'raw'], async () => {
      await makeVolume(t, 'ext4', {
        local: { path: device, fsType: 'ext4' },
        ...onThisNode(t),
        mountOptions: ['noatime'],
      });
      await makeClaim(t, 'ext4');
      const script = `grep ' /data ' /proc/mounts > /data/mount; echo kept > /data/file; ${rest}`;
      const containers = [shell('main', script, { volumeMounts: [mount] })];
      const made = await create(t, pod(t, 'formatted', { containers, volumes: [claimed('ext4')] }));
      await untilReady(t, 'formatted');
      const global = path.join(t.lab.cluster.layout.kubeletRoot, 'plugins/kubernetes.io/local-volume/mounts');
      const shown = await t.lab.onNode('grep', volumeName(t, 'ext4'), '/proc/self/mountinfo');
      assert.match(shown, /noatime/);
      assert.ok(shown.includes(' ext4 '));
      await removeAndWait(t, made);
      await untilNothingLeft(t.lab, uidOf(made));
      await makeVolume(t, 'raw', { local: { path: device }, volumeMode: 'Block', ...onThisNode(t) });
      await makeClaim(t, 'raw', { volumeMode: 'Block' });
      const staged = path.join(global, volumeName(t, 'ext4'));
      await waitFor('the disk to be unmounted', { timeout: patience, interval: 50 }, () => !existsSync(staged));
      const raw = shell('main', `dd if=/dev/disk bs=1 skip=1080 count=2 2>/dev/null | od -An -tx1; ${rest}`, {
        volumeDevices: [{ name: 'data', devicePath: '/dev/disk' }],
        securityContext: { privileged: false },
        readinessProbe: { exec: { command: ['test', '-b', '/dev/disk'] }, periodSeconds: 1 },
      });
      const second = await create(t, pod(t, 'raw', { containers: [raw], volumes: [claimed('raw')] }));
      await untilReady(t, 'raw');
      // The magic number of ext4: it is the same disk.
      const log = await t.lab.kubectl('logs', '-n', t.namespace, 'raw');
      assert.match(log.stdout, /53 ef/);
      const seen = Unnoticed.of(t, ['raw']);
      await stopKubelet(t.lab.cluster, 'SIGKILL');
      await t.lab.startAgent();
      await t.lab.untilLookedAt([second]);
      await seen.assert('the kill');
      await removeAndWait(t, second);
      await untilNothingLeft(t.lab, uidOf(second));
      const mounts = await t.lab.onNode('cat', '/proc/self/mountinfo');
      assert.ok(!mounts.includes(volumeName(t, 'raw')), 'nothing of the device is mapped any more');
    });
  } finally {
    await t.lab.onNode('losetup', '--detach', device);
  }
}

export const claims = group('claims', [
  test('a claim of a hostPath volume, as in the tutorial', tutorial),
  test('a claim and a volume that come late', comesLate),
  test('generic ephemeral volumes: claims of the Pod alone', ephemeral),
  test('a Pod that comes back has its data; ReadWriteOncePod', recreated),
  test('a local volume, its agent killed', local, { mode: 'alone' }),
  test('a disk as a file system and as a device', disk, { mode: 'alone' }),
]);
