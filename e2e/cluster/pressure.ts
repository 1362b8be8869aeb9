// The node short of disk, and Pods above their own limits of it: who goes, with which words, and who notices nothing.
import assert from 'node:assert/strict';
import { readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { run } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod, PodSpec } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import {
  attempts,
  disruption,
  refused,
  untilCondition,
  untilEvicted,
  untilEvictedEvent,
  withoutPressure,
} from '../lib/evictions.ts';
import { create, pod, removeAndWait, rest, restingPod, shell, untilPhase, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

const Gi = 2 ** 30;
/** What a Pod takes, and how much less than now the disk may have: other work on this machine must not cross it. */
const FILE = 12 * Gi;
const LESS = 6 * Gi;
/** No image is removed: others need them. */
const keepImages = { imageMinimumGCAge: '1000h' };
const limits = (storage: string) => ({ resources: { limits: { 'ephemeral-storage': storage } } });
const scratch = { volumes: [{ name: 'v', emptyDir: {} }] };
const mounted = { volumeMounts: [{ name: 'v', mountPath: '/v' }] };
const write = (file: string, mib: number) => `dd if=/dev/zero of=${file} bs=1M count=${mib}; ${rest}`;

/** A threshold of nodefs.available that is not crossed yet, as the API writes it. */
function threshold(t: TestContext): string {
  const { bavail, bsize } = statfsSync(t.lab.cluster.layout.kubeletRoot);
  return `${Math.floor((bavail * bsize - LESS) / Gi)}Gi`;
}

/** Puts a large file into a Pod's emptyDir, from outside: it costs no time. */
async function fill(t: TestContext, { metadata }: Pod): Promise<void> {
  const directory = `pods/${metadata?.uid}/volumes/kubernetes.io~empty-dir/v`;
  await run('fallocate', ['-l', String(FILE), path.join(t.lab.cluster.layout.kubeletRoot, directory, 'big')]);
}

async function ownLimits(t: TestContext): Promise<void> {
  await t.lab.restartAgent({ config: { volumeStatsAggPeriod: '5s' } });
  try {
    const neighbour = { volumes: [{ name: 'v', emptyDir: { sizeLimit: '64Mi' } }] };
    const within = shell('main', write('/v/some', 1), { ...mounted, ...limits('64Mi') });
    await create(t, pod(t, 'within', { ...neighbour, containers: [within] }));
    await untilReady(t, 'within');
    const seen = Unnoticed.of(t, ['within']);
    const cases: Record<string, [Partial<PodSpec>, string]> = {
      dir: [
        {
          volumes: [{ name: 'v', emptyDir: { sizeLimit: '2Mi' } }],
          containers: [shell('main', write('/v/big', 8), mounted)],
        },
        'Usage of EmptyDir volume "v" exceeds the limit "2Mi". ',
      ],
      layer: [
        { containers: [shell('main', write('/big', 8), limits('2Mi')), shell('other', rest, limits('64Mi'))] },
        'Container main exceeded its local ephemeral storage limit "2Mi". ',
      ],
      sum: [
        { ...scratch, containers: [shell('main', write('/v/big', 8), { ...mounted, ...limits('2048Ki') })] },
        'Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ',
      ],
    };
    const evicted = Object.entries(cases).map(async ([name, [spec, message]]) => {
      const made = await create(t, pod(t, name, spec));
      const failed = await untilPhase(t, name, 'Failed');
      assert.deepEqual([failed.status?.reason, failed.status?.message], ['Evicted', message]);
      assert.equal(disruption(failed), undefined, 'the node was short of nothing');
      assert.equal((await untilEvictedEvent(t, made)).message, message);
      await removeAndWait(t, made);
    });
    await Promise.all(evicted);
    await seen.assert('the eviction of others');
  } finally {
    await withoutPressure(t);
  }
}

async function diskShort(t: TestContext): Promise<void> {
  const least = threshold(t);
  const config = {
    ...keepImages,
    evictionHard: { 'nodefs.available': least },
    evictionPressureTransitionPeriod: '60s',
    volumeStatsAggPeriod: '5s',
  };
  const asks = { requests: { 'ephemeral-storage': '1Gi' } };
  await create(
    t,
    pod(t, 'asks', { ...scratch, containers: [shell('main', write('/v/some', 2), { ...mounted, resources: asks })] }),
  );
  await create(t, restingPod(t, 'small'));
  const large = await create(t, pod(t, 'large', { ...scratch, containers: [shell('main', rest, mounted)] }));
  for (const name of ['asks', 'small', 'large']) await untilReady(t, name);
  await t.lab.restartAgent({ config });
  try {
    await untilCondition(t, 'DiskPressure', 'False');
    const seen = Unnoticed.of(t, ['asks', 'small']);
    const earlier = attempts(t, 'ephemeral-storage');
    await fill(t, large);
    await untilCondition(t, 'DiskPressure', 'True');
    await untilEvicted(t, 'large', 'ephemeral-storage', least);
    await t.lab.events.until('the Event EvictionThresholdMet', () =>
      attempts(t, 'ephemeral-storage').some((one) => !earlier.includes(one)),
    );
    const late = await refused(t, 'late', 'DiskPressure');
    await untilCondition(t, 'DiskPressure', 'False');
    await removeAndWait(t, late);
    await create(t, restingPod(t, 'later'));
    await untilReady(t, 'later');
    await seen.assert('the eviction of another Pod');
    await removeAndWait(t, large);
    const why = await t.lab.whyNode();
    assert.deepEqual(why?.conditions, []);
    assert.ok(why?.signals.some((s) => s.signal === 'nodefs.available' && s.thresholds[0]?.kind === 'hard'));
  } finally {
    await withoutPressure(t);
  }
}

async function killedMeanwhile(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  const least = threshold(t);
  const config = {
    ...keepImages,
    evictionSoft: { 'nodefs.available': least },
    evictionSoftGracePeriod: { 'nodefs.available': '1s' },
    evictionMaxPodGracePeriod: 25,
    volumeStatsAggPeriod: '5s',
  };
  // It ends by the end of its grace alone, so that the kill comes between the wish and the end.
  const stubborn = shell('main', "trap '' TERM; while true; do sleep 3600 & wait $!; done", mounted);
  const spec = { ...scratch, terminationGracePeriodSeconds: 25, containers: [stubborn] };
  const made = await create(t, pod(t, 'stubborn', spec));
  await create(t, restingPod(t, 'bystander'));
  for (const name of ['stubborn', 'bystander']) await untilReady(t, name);
  await t.lab.restartAgent({ config });
  try {
    const seen = Unnoticed.of(t, ['bystander']);
    await fill(t, made);
    const { message } = await untilEvictedEvent(t, made);
    await waitFor('the container to be asked to stop', { timeout: patience, interval: 50 }, async () => {
      const why = await t.lab.why(t.namespace, 'stubborn');
      return why?.reasons.some((r) => r.code === 'StoppingContainer');
    });
    await stopKubelet(t.lab.cluster, 'SIGKILL');
    // With the usual settings nothing is short any more: only the note that was written tells why the Pod ends.
    await t.lab.startAgent();
    await waitForNodeReady(t.lab.cluster, patience);
    const failed = await untilPod(t, 'stubborn', 'to be Failed', (p) => p.status?.phase === 'Failed');
    assert.deepEqual([failed.status?.reason, failed.status?.message], ['Evicted', message]);
    assert.deepEqual([disruption(failed)?.status, disruption(failed)?.reason], ['True', 'TerminationByKubelet']);
    await t.lab.untilLookedAt(seen.pods);
    await seen.assert('a kill of the agent during the eviction of another Pod');
    await removeAndWait(t, failed);
  } finally {
    await withoutPressure(t);
  }
}

/** The signals of memory are the whole machine's, but for that of all Pods: their cgroup gets a small limit. */
async function memoryShort(t: TestContext): Promise<void> {
  const total = Number(/^MemTotal: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]);
  const config = {
    ...keepImages,
    systemReserved: { memory: `${total - 1024 * 1024}Ki` },
    evictionHard: { 'memory.available': '400Mi' },
    evictionPressureTransitionPeriod: '60s',
  };
  const memory = { volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }] };
  const asks = { resources: { requests: { memory: '64Mi' } } };
  await create(t, pod(t, 'asks', { containers: [shell('main', rest, asks)] }));
  await create(t, restingPod(t, 'small'));
  for (const name of ['asks', 'small']) await untilReady(t, name);
  await t.lab.restartAgent({ config });
  try {
    await untilCondition(t, 'MemoryPressure', 'False');
    const seen = Unnoticed.of(t, ['asks', 'small']);
    const hog = shell('main', write('/v/big', 700), mounted);
    await create(t, pod(t, 'hog', { ...memory, containers: [hog] }));
    await untilCondition(t, 'MemoryPressure', 'True');
    const failed = await untilPhase(t, 'hog', 'Failed');
    const message = failed.status?.message ?? '';
    assert.equal(failed.status?.reason, 'Evicted');
    assert.match(
      message,
      /^The node was low on resource: memory\. Threshold quantity: 400Mi, available: \w+\. Container main was using \w+, request is 0, has larger consumption of memory\. $/,
    );
    assert.equal(disruption(failed)?.reason, 'TerminationByKubelet');
    const { annotations } = (await untilEvictedEvent(t, failed)).metadata ?? {};
    assert.deepEqual([annotations?.offending_containers, annotations?.starved_resource], ['main', 'memory']);
    await create(t, restingPod(t, 'best-effort'));
    const rejected = await untilPhase(t, 'best-effort', 'Failed');
    assert.equal(rejected.status?.message, 'Pod was rejected: The node had condition: [MemoryPressure]. ');
    await create(t, pod(t, 'burstable', { containers: [shell('main', rest, asks)] }));
    await untilReady(t, 'burstable');
    await untilCondition(t, 'MemoryPressure', 'False');
    await seen.assert('the eviction of another Pod');
    await removeAndWait(t, failed);
  } finally {
    await withoutPressure(t);
  }
}

export const pressure = group('pressure', [
  test('Pods above their own limits of local storage', ownLimits, { mode: 'alone' }),
  test('the disk runs short: the right Pod goes, the condition comes and goes', diskShort, { mode: 'alone' }),
  test('the memory of all Pods runs short: the right Pod goes, the condition comes and goes', memoryShort, {
    mode: 'alone',
  }),
  test('the agent is killed during an eviction', killedMeanwhile, { mode: 'alone' }),
]);
