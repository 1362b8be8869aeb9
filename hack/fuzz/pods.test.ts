import { readManifest } from '../../src/api/manifests/readManifest.ts';
import { Random } from '../../src/lib/fake/random.ts';
import { hostilePod, ODD_NUMBERS, ODD_TEXTS } from '../../src/podworker/fake/sim/hostilePod.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { PodLives } from './podLives.ts';
import { DEFECT, fuzzing, heapMiB } from './settings.ts';

const { count, first, isLong } = fuzzing(400);

/** The Pod as a manifest would have it, or undefined with the problems that it was refused with. */
function fromManifest(pod: Pod): { readonly pod?: Pod; readonly sentences: readonly string[] } {
  const text = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'ns' },
    spec: pod.spec,
  });
  const { pods, problems } = readManifest(
    text,
    { source: 'file', location: '/m', nodeName: 'n' },
    { standalone: true, preventApiReferences: true },
  );
  return { ...(pods[0] && { pod: pods[0] }), sentences: problems.map((p) => p.sentence) };
}

/** One Pod from when it is heard of to its end. Returns what went wrong. */
async function live(lives: PodLives, seed: number): Promise<string[]> {
  const random = new Random(seed);
  lives.random = random;
  lives.calm = false;
  lives.isRecorded = seed % 8 === 0;
  const raw = hostilePod(random);
  const uid = `pod-${seed}`;
  const isManifest = seed % 10 === 0;
  const read = isManifest ? fromManifest(raw) : { pod: raw, sentences: [] };
  const bad = read.sentences.filter((s) => DEFECT.test(s) || s.length > 1000);
  if (!read.pod) return read.sentences.length === 0 ? ['refused without a sentence'] : bad;
  const pod: Pod = { ...read.pod, metadata: { ...read.pod.metadata, uid, name: uid, namespace: 'ns' } };
  const origin = isManifest ? 'file' : 'api';
  lives.workers.set(pod, origin);
  for (let step = random.int(8); step > 0; step--) {
    await lives.clock.advanceAsync(random.chance(0.02) ? 400_000 : random.pick(0, 100, 1_000, 10_000));
    const worker = lives.workers.get(uid);
    if (random.chance(0.2)) worker?.learn({ kind: 'statusProblem', message: random.pick(...ODD_TEXTS) });
    if (random.chance(0.1)) lives.workers.set({ ...pod, spec: hostilePod(random).spec! }, origin);
    if (random.chance(0.1))
      lives.table.end(uid, {
        cause: random.pick('evicted', 'preempted', 'shutdown'),
        graceSeconds: random.pick(...ODD_NUMBERS),
      });
    if (random.chance(0.2)) worker?.lookAgain();
  }
  // Whatever it was, it ends, and all that it holds is given back.
  lives.calm = true;
  const current = lives.workers.get(uid)?.pod ?? pod;
  const deletion = { deletionTimestamp: new Date(lives.clock.now().wall).toISOString(), deletionGracePeriodSeconds: 1 };
  if (origin === 'api') lives.workers.set({ ...current, metadata: { ...current.metadata, ...deletion } }, origin);
  await lives.clock.advanceAsync(10_000);
  lives.workers.remove(current);
  for (let minute = 0; minute < 10 && lives.workers.get(uid); minute++) {
    lives.workers.get(uid)?.lookAgain();
    await lives.clock.advanceAsync(60_000);
  }
  const left = lives.workers.get(uid);
  if (!left) {
    lives.forget(uid);
    return bad;
  }
  const { phase, reasons } = left.entry;
  lives.workers.done(uid);
  lives.forget(uid);
  // A grace that its author asked for is waited for: years are no defect.
  const grace = current.spec?.terminationGracePeriodSeconds ?? 0;
  if (phase === 'Terminating' && grace > 500) return bad;
  return [...bad, `still ${phase} after ten minutes: ${JSON.stringify(reasons).slice(0, 500)}`];
}

test(
  `${count} hostile Pods from seed ${first} through manifests, rules, workers and followers: no defect, each ends, nothing is left`,
  async () => {
    const found: string[] = [];
    const lives = new PodLives(new Random(first));
    let timers = 0;
    let heap = 0;
    for (let i = 0; i < count && found.length < 20; i++) {
      const seed = first + i;
      const problems = await live(lives, seed);
      found.push(...[...problems, ...lives.problems.splice(0)].map((problem) => `FUZZ_SEED=${seed}: ${problem}`));
      if (i === Math.min(count - 1, 2_000)) {
        timers = lives.clock.pending;
        heap = isLong ? heapMiB() : 0;
      }
      if (isLong && i % 5_000 === 4_999)
        process.stderr.write(
          `${i + 1} Pods, ${found.length} problems, ${lives.clock.pending} timers, ${lives.watched.size} watches, ${heapMiB().toFixed(0)} MiB\n`,
        );
    }
    expect(found).toEqual([]);
    expect(lives.started).toBeGreaterThan(count / 2); // or this shows nothing
    expect(lives.table.all()).toEqual([]);
    expect(lives.watched.size).toBe(0);
    expect(lives.clock.pending).toBeLessThanOrEqual(timers);
    if (isLong) expect(heapMiB()).toBeLessThan(heap + 64); // the timeline keeps finished Pods, within its budget
    lives[Symbol.dispose]();
  },
  24 * 3_600_000,
);
