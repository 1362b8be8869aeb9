import type { StoredPod } from '../types/k8s.ts';
import { type TestPod, testNode, testPod } from './fake/pods.ts';
import { Ledger } from './ledger.ts';
import type { LedgerOptions } from './options.ts';
import { portsConflict } from './rules/hostPorts.ts';
import { allocatableAmounts } from './rules/measure.ts';
import { takenBy } from './rules/room.ts';
import type { Verdict } from './types.ts';

const fresh = { hasRunningContainers: false, createdAt: 0 };
const running = { hasRunningContainers: true, createdAt: 0 };
const CRITICAL = { priority: 2_000_000_000 };
/** Lets the ledger's queue run dry. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(options: Partial<LedgerOptions> = {}) {
  const ledger = new Ledger({ node: testNode(), ...options });
  const later: [string, Verdict][] = [];
  ledger.onVerdict((uid, verdict) => later.push([uid, verdict]));
  const reserve = (uid: string, pod: TestPod = {}, context = fresh) => ledger.reserve(testPod(uid, pod), context);
  return { ledger, later, reserve };
}

test('admits with what it holds, as JSON', async () => {
  const { reserve } = setUp();
  const verdict = await reserve('p', { requests: { cpu: '500m', memory: '1Gi' }, hostPorts: [80] });
  expect(verdict).toEqual({
    verdict: 'admitted',
    allocation: {
      requests: { cpu: '500', memory: '1073741824' },
      hostPorts: [{ hostIP: '0.0.0.0', protocol: 'TCP', port: 80 }],
    },
  });
  expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
});

test('a terminating Pod counts until it is released, and releasing is idempotent', async () => {
  const { ledger, reserve } = setUp();
  await reserve('a', { requests: { cpu: '3' } });
  expect(await reserve('b', { requests: { cpu: '2' } })).toMatchObject({ verdict: 'rejected', reason: 'OutOfcpu' });
  ledger.release('a');
  ledger.release('a');
  ledger.release('nobody');
  expect(await reserve('b', { requests: { cpu: '2' } })).toMatchObject({ verdict: 'admitted' });
  ledger.release('a');
  expect(ledger.snapshot().admitted).toHaveLength(1);
});

test('a Pod that is deleted for good counts until its containers have ended; who needs its place waits, and nobody is told to go', async () => {
  const { ledger, later, reserve } = setUp();
  const victims: string[] = [];
  ledger.onVictim(({ uid }) => victims.push(uid));
  await reserve('a', { requests: { cpu: '3' } });
  await reserve('c', { requests: { cpu: '1' } });
  ledger.leaving('a');
  ledger.leaving('nobody');
  expect(await reserve('b', { requests: { cpu: '2' } })).toMatchObject({ verdict: 'waiting', victims: [{ uid: 'a' }] });
  expect(await reserve('d', { requests: { cpu: '4' } })).toMatchObject({ verdict: 'rejected' });
  ledger.release('a');
  expect(later).toMatchObject([['b', { verdict: 'admitted' }]]);
  expect(victims).toEqual([]);
});

test('reserving twice holds once', async () => {
  const { ledger, reserve } = setUp();
  await reserve('a', { requests: { cpu: '3' }, hostPorts: [80] });
  expect(await reserve('a', { requests: { cpu: '3' }, hostPorts: [80] })).toMatchObject({ verdict: 'admitted' });
  expect(takenBy(ledger.snapshot().admitted)).toMatchObject({ pods: 1, used: { cpu: 3000n } });
});

test('Pods with running containers come first and cannot be rejected; the others by age', async () => {
  const { reserve } = setUp();
  const verdicts = await Promise.all([
    reserve('young', { requests: { cpu: '2' } }, { hasRunningContainers: false, createdAt: 2 }),
    reserve('old', { requests: { cpu: '2' } }, { hasRunningContainers: false, createdAt: 1 }),
    reserve('running', { requests: { cpu: '2' }, spec: { nodeSelector: { zone: 'b' } } }, running),
  ]);
  expect(verdicts.map(({ verdict }) => verdict)).toEqual(['rejected', 'admitted', 'admitted']);
  const { reserve: over } = setUp();
  expect(await over('huge', { requests: { cpu: '400' } }, running)).toMatchObject({ verdict: 'admitted' });
  expect(await over('next', { requests: { cpu: '1m' } })).toMatchObject({ reason: 'OutOfcpu' });
});

test('a closed ledger serves only Pods with running containers until it is opened', async () => {
  const { ledger, reserve } = setUp({ closed: true });
  const waiting = reserve('new', { requests: { cpu: '3' } });
  await settle();
  expect(await reserve('running', { requests: { cpu: '3' } }, running)).toMatchObject({ verdict: 'admitted' });
  ledger.open();
  expect(await waiting).toMatchObject({ reason: 'OutOfcpu' });
});

test('who would not fit beside a Pod that runs and has not asked yet waits for it; who fits does not, nor who never fits', async () => {
  const unasked = new Map([['running', testPod('running', { requests: { cpu: '3' } })]]);
  const { ledger, reserve } = setUp({ unasked: () => [...unasked.values()] });
  let answer: Verdict | undefined;
  const waiting = reserve('new', { requests: { cpu: '2' } }).then((verdict) => {
    answer = verdict;
  });
  expect(await reserve('small', { requests: { cpu: '1' } })).toMatchObject({ verdict: 'admitted' });
  expect(await reserve('huge', { requests: { cpu: '40' } })).toMatchObject({ verdict: 'rejected' });
  ledger.answerHeld();
  await settle();
  expect(answer).toBeUndefined();
  unasked.clear();
  expect(await reserve('running', { requests: { cpu: '3' } }, running)).toMatchObject({ verdict: 'admitted' });
  ledger.answerHeld();
  await waiting;
  expect(answer).toMatchObject({ reason: 'OutOfcpu' });
});

test('who waits for a Pod that runs gets its place when that one turns out to have ended, or is given up', async () => {
  let unasked = [testPod('running', { requests: { cpu: '3' } })];
  const { ledger, reserve } = setUp({ unasked: () => unasked });
  const [first, second] = [reserve('new', { requests: { cpu: '2' } }), reserve('other', { requests: { cpu: '2' } })];
  await settle();
  ledger.release('other');
  await expect(second).rejects.toMatchObject({ code: 'Released' });
  unasked = [];
  ledger.answerHeld();
  expect(await first).toMatchObject({ verdict: 'admitted' });
});

test('a Pod released before its turn gets no place', async () => {
  const { ledger, reserve } = setUp({ closed: true });
  const pending = reserve('p');
  ledger.release('p');
  await expect(pending).rejects.toMatchObject({ code: 'Released' });
  const [first, second] = [reserve('q'), reserve('q')];
  await expect(first).rejects.toMatchObject({ code: 'Superseded' });
  ledger.open();
  expect(await second).toMatchObject({ verdict: 'admitted' });
  expect(ledger.snapshot().admitted).toHaveLength(1);
});

test('a critical Pod waits for its victims and gets their place', async () => {
  const { ledger, later, reserve } = setUp();
  await reserve('a', { requests: { cpu: '2' } });
  await reserve('b', { requests: { cpu: '2' } });
  const victims = [{ uid: 'b', namespace: 'default', name: 'b' }];
  const verdict = await reserve('critical', { ...CRITICAL, requests: { cpu: '1' } });
  expect(verdict.verdict === 'waiting' && verdict.victims).toHaveLength(1);
  const victim = verdict.verdict === 'waiting' ? verdict.victims[0]! : victims[0]!;
  expect(await reserve('late', { requests: { cpu: '2' } })).toMatchObject({ reason: 'OutOfcpu' });
  expect(later).toEqual([]);
  ledger.release(victim.uid);
  expect(later).toMatchObject([['critical', { verdict: 'admitted' }]]);
  expect(ledger.snapshot().waiting).toEqual([]);
});

test('a Pod that will fit when the victims are gone waits, instead of being rejected for good', async () => {
  const { ledger, later, reserve } = setUp();
  await reserve('big', { requests: { cpu: '4' } });
  expect(await reserve('critical', { ...CRITICAL, requests: { cpu: '1' } })).toMatchObject({ verdict: 'waiting' });
  expect(await reserve('small', { requests: { cpu: '3' } })).toMatchObject({
    verdict: 'waiting',
    victims: [{ uid: 'big' }],
  });
  expect(await reserve('too big', { requests: { cpu: '1' } })).toMatchObject({ verdict: 'rejected' });
  ledger.release('big');
  expect(later.map(([uid, { verdict }]) => [uid, verdict])).toEqual([
    ['critical', 'admitted'],
    ['small', 'admitted'],
  ]);
});

test('a victim that goes does not bring another one down', async () => {
  const { ledger, later, reserve } = setUp();
  await reserve('x', { requests: { cpu: '1500m' } });
  await reserve('y', { requests: { cpu: '1300m' } });
  await reserve('z', { requests: { cpu: '1200m' } });
  const verdict = await reserve('critical', { ...CRITICAL, requests: { cpu: '2600m' } });
  const victims = verdict.verdict === 'waiting' ? verdict.victims.map(({ uid }) => uid) : [];
  expect(victims).toHaveLength(2);
  ledger.release(victims[0]!);
  expect(later).toEqual([
    ['critical', { verdict: 'waiting', victims: [expect.objectContaining({ uid: victims[1] })] }],
  ]);
  ledger.release(victims[1]!);
  expect(later.at(-1)).toMatchObject(['critical', { verdict: 'admitted' }]);
});

test('tells every victim once, and again only after a new reservation', async () => {
  const { ledger, reserve } = setUp();
  const told: unknown[] = [];
  ledger.onVictim(({ uid }, preemptor, lacking) => told.push([uid, preemptor, lacking]));
  await reserve('a', { requests: { cpu: '2' } });
  await reserve('b', { requests: { cpu: '2' } });
  await reserve('c1', { ...CRITICAL, requests: { cpu: '1' } });
  expect(told).toEqual([['a', 'c1', 'cpu']]);
  await reserve('c2', { ...CRITICAL, requests: { cpu: '3' } });
  expect(told).toEqual([
    ['a', 'c1', 'cpu'],
    ['b', 'c2', 'cpu'],
  ]);
  ledger.setNode(testNode());
  expect(told).toHaveLength(2);
  ledger.release('a');
  expect(told).toHaveLength(2);
});

test('a critical Pod that no victim can help is rejected', async () => {
  const { reserve } = setUp();
  expect(await reserve('critical', { ...CRITICAL, requests: { cpu: '5' } })).toEqual({
    verdict: 'rejected',
    reason: 'UnexpectedAdmissionError',
    message:
      'Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods ' +
      'to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]',
  });
});

test('a waiting Pod that goes away gives way to the next', async () => {
  const { ledger, later, reserve } = setUp();
  await reserve('big', { requests: { cpu: '4' } });
  await reserve('c1', { ...CRITICAL, requests: { cpu: '3' } });
  await reserve('c2', { ...CRITICAL, requests: { cpu: '1' } });
  expect(await reserve('c3', { ...CRITICAL, requests: { cpu: '4' } })).toMatchObject({ verdict: 'rejected' });
  ledger.release('c1');
  ledger.release('big');
  expect(later.at(-1)).toMatchObject(['c2', { verdict: 'admitted' }]);
});

test('more allocatable lets a waiting Pod in; less takes no place away', async () => {
  const { ledger, later, reserve } = setUp();
  await reserve('big', { requests: { cpu: '4' } });
  await reserve('critical', { ...CRITICAL, requests: { cpu: '1' } });
  ledger.setNode(testNode({}, { cpu: '8' }));
  expect(later).toMatchObject([['critical', { verdict: 'admitted' }]]);
  ledger.setNode(testNode({}, { cpu: '1' }));
  expect(ledger.snapshot().admitted).toHaveLength(2);
  expect(await reserve('p', { requests: { cpu: '1' } })).toMatchObject({ reason: 'OutOfcpu' });
});

test('asks for fresher labels when nothing but node affinity is in the way', async () => {
  let reads = 0;
  const refreshNode = async () => {
    reads++;
    return testNode({ labels: { zone: 'b' } });
  };
  const { reserve } = setUp({ refreshNode });
  expect(await reserve('p', { spec: { nodeSelector: { zone: 'b' } } })).toMatchObject({ verdict: 'admitted' });
  expect(await reserve('q', { spec: { nodeSelector: { zone: 'c' } } })).toMatchObject({ reason: 'NodeAffinity' });
  expect(await reserve('r', { requests: { cpu: '5' } })).toMatchObject({ reason: 'OutOfcpu' });
  expect(reads).toBe(2);
  const broken = setUp({ refreshNode: () => Promise.reject(new Error('away')) });
  expect(await broken.reserve('p', { spec: { nodeSelector: { zone: 'b' } } })).toMatchObject({
    reason: 'NodeAffinity',
  });
});

/** A small generator of pseudo-random numbers, so that a failure names its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function randomPod(uid: string, random: (below: number) => number): StoredPod {
  const requests = { cpu: `${random(15) * 100}m`, memory: `${random(3)}Gi` };
  return testPod(uid, {
    ...(random(4) > 0 && { requests }),
    ...(random(3) === 0 && { limits: requests }),
    ...(random(3) === 0 && { hostPorts: [80 + random(3)] }),
    ...(random(4) === 0 && CRITICAL),
  });
}

test.each(Array.from({ length: 60 }, (_, seed) => [seed]))(
  'never overcommits, and answers everybody (seed %d)',
  async (seed) => {
    const random = randomOf(seed);
    const node = testNode({}, { pods: '6' });
    const { ledger, later } = setUp({ node });
    const waiting = new Set<string>();
    ledger.onVerdict((uid, { verdict }) => verdict === 'waiting' || waiting.delete(uid));

    const limits = Object.entries(allocatableAmounts({ cpu: '4', memory: '8Gi' }));
    const check = () => {
      const { admitted } = ledger.snapshot();
      const { used, pods, hostPorts } = takenBy(admitted);
      const problems = [
        ...(pods > 6 ? [`${pods} Pods`] : []),
        ...limits.filter(([resource, amount]) => (used[resource] ?? 0n) > amount),
        ...hostPorts.filter((port, i) => hostPorts.slice(0, i).some((other) => portsConflict(port, other))),
        ...(new Set(admitted.map(({ pod }) => pod.metadata.uid)).size < admitted.length ? ['a Pod twice'] : []),
      ];
      expect(problems).toEqual([]);
    };

    for (let step = 0; step < 120; step++) {
      const uid = `p${random(14)}`;
      if (random(3) === 0) {
        ledger.release(uid);
        waiting.delete(uid);
      } else {
        const verdict = await ledger.reserve(randomPod(uid, random), { hasRunningContainers: false, createdAt: step });
        if (verdict.verdict === 'waiting') waiting.add(uid);
        else waiting.delete(uid);
      }
      check();
    }
    // Whoever still waits is answered once the others are gone.
    for (const { pod } of [...ledger.snapshot().admitted]) ledger.release(pod.metadata.uid);
    check();
    for (let round = 0; round < 20 && ledger.snapshot().waiting.length > 0; round++) {
      for (const { pod } of [...ledger.snapshot().admitted]) ledger.release(pod.metadata.uid);
    }
    expect(ledger.snapshot().waiting).toEqual([]);
    expect([...waiting]).toEqual([]);
    expect(later.every(([, { verdict }]) => verdict !== undefined)).toBe(true);
  },
);

test('a Pod that is released while the node is read for it gets no place that nobody could take back', async () => {
  const reading = Promise.withResolvers<ReturnType<typeof testNode>>();
  const labelled = testNode({ labels: { zone: 'b' } });
  const { ledger, reserve } = setUp({ refreshNode: () => reading.promise });
  const asked = reserve('a', { spec: { nodeSelector: { zone: 'b' } } });
  const answer = asked.catch((error: { code?: string; reason?: string }) => error.reason ?? error.code);
  await settle();
  ledger.release('a');
  reading.resolve(labelled);
  expect(await answer).toBe('Released');
  await settle();
  expect(ledger.snapshot().admitted).toEqual([]);
});

test('a critical Pod takes the room that one which is not critical waits for', async () => {
  const { ledger, reserve } = setUp();
  await reserve('low', { requests: { cpu: '4' } });
  ledger.leaving('low');
  expect(await reserve('waits', { requests: { cpu: '3' } })).toMatchObject({ verdict: 'waiting' });
  expect(await reserve('critical', { requests: { cpu: '3' }, ...CRITICAL })).toMatchObject({ verdict: 'waiting' });
  ledger.release('low');
  expect(ledger.snapshot().admitted.map(({ pod }) => pod.metadata.uid)).toEqual(['critical']);
});
