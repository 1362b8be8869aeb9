// File systems of the node's own, so small that inodes and space run out of them: who goes, and who notices nothing.
import assert from 'node:assert/strict';
import { statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type NodeDisks, runtimeRoot } from '../../hack/cluster/disks.ts';
import type { ImageName } from '../../hack/images/definitions/index.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from '../lib/collection.ts';
import { attempts, refused, untilCondition, untilEvicted } from '../lib/evictions.ts';
import { Lab } from '../lib/lab.ts';
import { create, pod, rest, restingPod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';
import { makeNamespace } from '../lib/workspace.ts';

const LEAST_INODES = 1200;
const KiB = 1024;
const images: readonly ImageName[] = ['pause', 'busybox', 'agnhost', 'nginx'];

/** Runs a test on a node of its own with such disks; the runner removes it in any case. */
async function onDisks(
  t: TestContext,
  disks: NodeDisks,
  config: object,
  run: (t: TestContext) => Promise<void>,
): Promise<void> {
  if (!t.full) return t.note('only with --full');
  const lab = await Lab.open(`e2e-solo-${process.pid}`, { disks, images }, { config });
  try {
    const namespace = 'small-disks';
    await makeNamespace(lab, namespace);
    await run({ ...t, lab, namespace, directory: lab.directory(namespace) });
  } finally {
    await lab.remove();
  }
}

/** Inodes that a Pod has by the statistics of the node. */
async function inodesUsed(t: TestContext, name: string): Promise<number> {
  const { stdout } = await t.lab.kubectl('get', '--raw', `/api/v1/nodes/${t.lab.node}/proxy/stats/summary`);
  if (!stdout.startsWith('{')) return 0;
  const { pods = [] } = JSON.parse(stdout) as {
    pods?: { podRef: { name: string }; 'ephemeral-storage'?: { inodesUsed?: number } }[];
  };
  return pods.find(({ podRef }) => podRef.name === name)?.['ephemeral-storage']?.inodesUsed ?? 0;
}

/** A Pod that makes empty files: half of them at once, the others when it is told to. */
async function maker(t: TestContext, name: string, directory: string, files: number): Promise<() => Promise<void>> {
  const make = (from: number, to: number) =>
    `i=${from}; while [ $i -lt ${to} ]; do : >${directory}/$i; i=$((i+1)); done`;
  const half = Math.floor(files / 2);
  const script = `mkdir -p ${directory}; ${make(0, half)}; until [ -e /told/${name} ]; do sleep 0.2; done; ${make(half, files)}; ${rest}`;
  const volumes = [
    { name: 'v', emptyDir: {} },
    { name: 'told', hostPath: { path: t.directory } },
  ];
  const volumeMounts = [
    { name: 'v', mountPath: '/v' },
    { name: 'told', mountPath: '/told' },
  ];
  await create(t, pod(t, name, { volumes, containers: [shell('main', script, { volumeMounts })] }));
  return async () => {
    // The runtime tells of its layers some time later, and so do walks of volumes: who goes is decided by what is known.
    await waitFor(`the files of ${name} in the statistics`, { timeout: patience, interval: 1000 }, async () => {
      return (await inodesUsed(t, name)) >= half;
    });
    writeFileSync(path.join(t.directory, name), '');
  };
}

/** Lets a Pod make files where `directory` is until inodes run short. */
async function inodesShort(t: TestContext, directory: string): Promise<void> {
  await create(t, restingPod(t, 'small'));
  const some = await maker(t, 'some', directory, 60);
  const tell = await maker(t, 'many', directory, 4800);
  for (const name of ['small', 'some', 'many']) await untilReady(t, name);
  await some();
  await untilCondition(t, 'DiskPressure', 'False');
  const seen = Unnoticed.of(t, ['small', 'some']);
  await tell();
  await untilCondition(t, 'DiskPressure', 'True');
  await untilEvicted(t, 'many', 'inodes', String(LEAST_INODES));
  assert.ok(attempts(t, 'inodes').length > 0, 'no Event says that inodes are to be freed');
  await refused(t, 'late', 'DiskPressure');
  await untilCondition(t, 'DiskPressure', 'False');
  await create(t, restingPod(t, 'later'));
  await untilReady(t, 'later');
  await seen.assert('the eviction of another Pod');
  const others = ended(t).filter((name) => name !== 'many' && name !== 'late');
  assert.deepEqual(others, [], 'others were ended too');
}

/** The Pods that an Event calls evicted. */
const ended = (t: TestContext) =>
  t.lab.events
    .all(t.namespace)
    .filter((e) => e.reason === 'Evicted')
    .map((e) => e.involvedObject?.name);

const pace = { evictionPressureTransitionPeriod: '60s', volumeStatsAggPeriod: '2s' };
const large = { mib: 1500, inodes: 100_000 };
/** So few that two Pods of these tests cannot have their files. */
const few = { mib: 256, inodes: 6000 };

const nodefsInodes = (t: TestContext) =>
  onDisks(
    t,
    { kubelet: few, runtime: large },
    { ...pace, evictionHard: { 'nodefs.inodesFree': String(LEAST_INODES) } },
    (mine) => inodesShort(mine, '/v'),
  );

const imagefsInodes = (t: TestContext) =>
  onDisks(
    t,
    { kubelet: large, runtime: { mib: 512, inodes: 6000 } },
    { ...pace, evictionHard: { 'imagefs.inodesFree': String(LEAST_INODES) } },
    (mine) => inodesShort(mine, '/files'),
  );

const free = (t: TestContext): number => {
  const { bavail, bsize } = statfsSync(runtimeRoot(t.lab.cluster.layout));
  return bavail * bsize;
};

const old = 'registry.k8s.io/e2e-test-images/nginx:1.15-4';
const young = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';
const isThere = async (t: TestContext, image: string) => (await t.lab.cri.imageStatus({ image })).image !== null;

/** A threshold that is crossed with both images on the disk, and not with either of them. */
async function thresholdBetween(t: TestContext): Promise<number> {
  const { cri } = t.lab;
  const empty = free(t);
  await cri.pullImage({ image: old }, undefined, undefined);
  const withOld = free(t);
  await cri.pullImage({ image: young }, undefined, undefined);
  const withBoth = free(t);
  await cri.removeImage({ image: young });
  const size = empty - withOld;
  await waitFor('the space of a removed image', { timeout: patience }, () => free(t) > withOld - size / 4);
  assert.ok(withOld - withBoth > size / 2, 'the images have the wrong sizes for this test');
  return Math.floor((withBoth + size / 2) / KiB);
}

async function imagesAlone(t: TestContext): Promise<void> {
  const { cri } = t.lab;
  for (const name of ['small', 'other']) {
    await create(t, restingPod(t, name));
    await untilReady(t, name);
  }
  const least = `${await thresholdBetween(t)}Ki`;
  await t.lab.restartAgent({
    config: { ...pace, imageMinimumGCAge: '1s', evictionHard: { 'imagefs.available': least } },
  });
  await untilCondition(t, 'DiskPressure', 'False');
  const seen = Unnoticed.of(t, ['small', 'other']);
  await cri.pullImage({ image: young }, undefined, undefined);
  await untilCondition(t, 'DiskPressure', 'True');
  await waitFor('the image that nobody uses to go', { timeout: patience }, async () => !(await isThere(t, old)));
  await untilCondition(t, 'DiskPressure', 'False');
  assert.ok(attempts(t, 'ephemeral-storage').length > 0, 'no Event says that space is to be freed');
  await seen.assert('the removal of images');
  assert.deepEqual(ended(t), [], 'Pods were ended');
  await create(t, restingPod(t, 'later'));
  await untilReady(t, 'later');
}

const imagesOnly = (t: TestContext) => onDisks(t, { kubelet: large, runtime: large }, pace, imagesAlone);

export const smallDisks = group('small disks', [
  test('inodes of nodefs run short: the Pod with most files in volumes goes', nodefsInodes, {
    ownLab: true,
    mode: 'alone',
  }),
  test('inodes of imagefs run short: the Pod with most files in its layer goes', imagefsInodes, {
    ownLab: true,
    mode: 'alone',
  }),
  test('images alone fill the disk: one that nobody uses goes, and no Pod', imagesOnly, {
    ownLab: true,
    mode: 'alone',
  }),
]);
