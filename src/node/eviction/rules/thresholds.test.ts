import { formatQuantity } from '../../../k8s/quantity.ts';
import { Random } from '../../../lib/fake/random.ts';
import { assessPressure, NO_PRESSURE, rememberConditions } from './assess.ts';
import { thresholdsMet } from './met.ts';
import { type Observations, observe } from './observations.ts';
import { nextLookMs, PERIOD_MS } from './pace.ts';
import { patienceMs, reclaimableFor } from './reclaim.ts';
import { ALL_SIGNALS, type Signal } from './signals.ts';
import { thresholds } from './testing.ts';
import { quantityAt, thresholdText, withContainerFs } from './thresholds.ts';

const DEFAULTS = {
  'memory.available': '100Mi',
  'nodefs.available': '10%',
  'nodefs.inodesFree': '5%',
  'imagefs.available': '15%',
  'imagefs.inodesFree': '5%',
};
const MI = 1024 * 1024;
const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => id);

describe('thresholds of a configuration', () => {
  test('the defaults, with Pods enforced: memory first, and once more for the cgroup of all Pods', () => {
    expect(thresholds({ evictionHard: DEFAULTS, enforcesPods: true }).map(thresholdText)).toEqual([
      'memory.available<100Mi',
      'allocatableMemory.available<100Mi',
      'nodefs.available<10%',
      'nodefs.inodesFree<5%',
      'imagefs.available<15%',
      'imagefs.inodesFree<5%',
    ]);
  });

  test('soft ones have a grace, hard ones none; the minimum reclaim is that of the signal; only hard memory holds for all Pods', () => {
    const all = thresholds({
      evictionHard: { 'memory.available': '1Gi' },
      evictionSoft: { 'memory.available': '2Gi', 'nodefs.available': '50%' },
      softGraceMs: { 'memory.available': 90_000, 'nodefs.available': 1 },
      evictionMinimumReclaim: { 'memory.available': '500Mi' },
      enforcesPods: true,
    });
    expect(all.map(({ id, graceMs, minReclaim }) => [id, graceMs, minReclaim !== undefined])).toEqual([
      ['hard/memory.available', 0, true],
      ['soft/memory.available', 90_000, true],
      ['pods/hard/memory.available', 0, true],
      ['soft/nodefs.available', 1, false],
    ]);
  });

  test('0 % and 100 % are none', () => {
    expect(thresholds({ evictionHard: { 'memory.available': '0%', 'nodefs.available': '100%' } })).toEqual([]);
  });

  test('every id is its own, also with every signal and containerfs', () => {
    const every = Object.fromEntries(ALL_SIGNALS.map((signal) => [signal, '5%']));
    const grace = Object.fromEntries(ALL_SIGNALS.map((signal) => [signal, 1000]));
    const all = thresholds({ evictionHard: every, evictionSoft: every, softGraceMs: grace, enforcesPods: true });
    for (const layout of LAYOUTS) {
      const list = ids(withContainerFs(all, layout));
      expect(new Set(list).size).toBe(list.length);
    }
  });

  test.each([
    ['100Mi', 8e9, '100Mi'],
    ['1.5Gi', 8e9, '1536Mi'],
    ['10%', 62725623808, '6272562474'],
    ['15%', 1000, '150'],
    ['33.3%', 1000, '333'],
    ['50%', 2 ** 40, '512Gi'],
  ])('%s of %d is %s', (text, capacity, expected) => {
    const [threshold] = thresholds({ evictionHard: { 'nodefs.available': text } });
    expect(formatQuantity(quantityAt(threshold!.value, capacity))).toBe(expected);
  });
});

const LAYOUTS = [
  { imageFs: false, containerFs: false },
  { imageFs: true, containerFs: false },
  { imageFs: true, containerFs: true },
];

describe('disk layouts (KEP-4191)', () => {
  const all = thresholds({ evictionHard: { ...DEFAULTS, 'containerfs.available': '99%' } });
  test.each([
    [LAYOUTS[0]!, ['containerfs.available<10%', 'containerfs.inodesFree<5%']],
    [LAYOUTS[1]!, ['containerfs.available<15%', 'containerfs.inodesFree<5%']],
    [LAYOUTS[2]!, ['containerfs.available<10%', 'containerfs.inodesFree<5%']],
  ])('%j: containerfs as %j, whatever was configured', (layout, expected) => {
    const derived = withContainerFs(all, layout).filter(({ signal }) => signal.startsWith('containerfs.'));
    expect(derived.map(thresholdText)).toEqual(expected);
  });

  const BOTH = ['containers', 'images'];
  test.each<[Signal, readonly string[][]]>([
    ['memory.available', [[], [], []]],
    ['allocatableMemory.available', [[], [], []]],
    ['pid.available', [[], [], []]],
    ['nodefs.available', [BOTH, [], ['containers']]],
    ['nodefs.inodesFree', [BOTH, [], ['containers']]],
    ['imagefs.available', [BOTH, BOTH, ['images']]],
    ['imagefs.inodesFree', [BOTH, BOTH, ['images']]],
    ['containerfs.available', [BOTH, BOTH, ['containers']]],
    ['containerfs.inodesFree', [BOTH, BOTH, ['containers']]],
  ])('%s is freed by %j', (signal, expected) => {
    expect(LAYOUTS.map((layout) => reclaimableFor(signal, layout))).toEqual(expected);
  });

  test('space that removed things free is waited for, shorter at a hard threshold', () => {
    expect([patienceMs({ graceMs: 0 }), patienceMs({ graceMs: 1 })]).toEqual([10_000, 30_000]);
  });
});

describe('observations', () => {
  const fs = { capacityBytes: 1000, availableBytes: 400, inodes: 100, inodesFree: 30 };
  test('every signal', () => {
    const { observations, impossible } = observe({
      atMs: 0,
      memory: { total: 1000, workingSet: 300 },
      pods: { limit: 900, workingSet: 100 },
      nodefs: fs,
      imagefs: fs,
      containerfs: fs,
      tasks: { max: 50, running: 20 },
    });
    expect(impossible).toEqual([]);
    expect(Object.keys(observations).sort()).toEqual([...ALL_SIGNALS].sort());
    expect(observations).toMatchObject({
      'memory.available': { available: 700, capacity: 1000 },
      'allocatableMemory.available': { available: 800, capacity: 900 },
      'nodefs.available': { available: 400, capacity: 1000 },
      'nodefs.inodesFree': { available: 30, capacity: 100 },
      'pid.available': { available: 30, capacity: 50 },
    });
  });

  test.each([
    ['a working set above the memory', { memory: { total: 1000, workingSet: 1001 } }, 'memory.available'],
    [
      'Pods above the memory',
      { memory: { total: 1000, workingSet: 1 }, pods: { limit: 900, workingSet: 1001 } },
      'allocatableMemory.available',
    ],
    ['more free than there is', { nodefs: { ...fs, availableBytes: 1001 } }, 'nodefs.available'],
    ['more tasks than may be', { tasks: { max: 5, running: 6 } }, 'pid.available'],
    ['no number', { tasks: { max: 5, running: Number.NaN } }, 'pid.available'],
  ])('%s is said and crosses nothing', (_what, readings, signal) => {
    const { observations, impossible } = observe({ atMs: 0, ...readings });
    expect(impossible).toEqual([expect.stringMatching(`^${signal.replace('.', '\\.')}: `)]);
    const every = Object.fromEntries(ALL_SIGNALS.map((name) => [name, '99%']));
    expect(thresholdsMet(thresholds({ evictionHard: every }), observations).map((t) => t.signal)).not.toContain(signal);
  });

  test('Pods above a limit that was lowered have nothing left', () => {
    const { observations } = observe({ atMs: 0, pods: { limit: 100, workingSet: 150 } });
    expect(observations['allocatableMemory.available']).toEqual({ available: 0, capacity: 150 });
  });

  test('a file system without a number of inodes says nothing of them', () => {
    const { observations, impossible } = observe({ atMs: 0, nodefs: { ...fs, inodes: 0, inodesFree: 0 } });
    expect([Object.keys(observations), impossible]).toEqual([['nodefs.available'], []]);
  });
});

describe('looking', () => {
  const memory = (available: number): Observations => ({ 'memory.available': { available, capacity: 8192 * MI } });
  const settings = {
    evictionHard: { 'memory.available': '1Gi' },
    evictionSoft: { 'memory.available': '2Gi' },
    softGraceMs: { 'memory.available': 60_000 },
    evictionMinimumReclaim: { 'memory.available': '512Mi' },
  };
  const all = thresholds(settings);
  /** One look after another: [seconds, MiB available] → conditions and what is acted on. */
  const looks = (steps: readonly (readonly [number, number])[], transitionMs = 300_000) => {
    let state = NO_PRESSURE;
    return steps.map(([s, mib]) => {
      const result = assessPressure(all, transitionMs, memory(mib * MI), state, s * 1000);
      state = result.memory;
      return [result.conditions.join(), ids(result.acting).join()];
    });
  };

  test('a threshold is crossed below its value, not at it', () => {
    const met = (available: number) => ids(thresholdsMet(all, memory(available)));
    expect([met(1024 * MI), met(1024 * MI - 1)]).toEqual([
      ['soft/memory.available'],
      ['hard/memory.available', 'soft/memory.available'],
    ]);
  });

  test('the condition comes at once, the soft threshold acts after its grace, and its grace starts anew after a break', () => {
    const soft = 'soft/memory.available';
    expect(
      looks([
        [0, 1500],
        [59, 1500],
        [60, 1500],
        [70, 4000],
        [80, 1500],
      ]),
    ).toEqual([
      ['MemoryPressure', ''],
      ['MemoryPressure', ''],
      ['MemoryPressure', soft],
      ['MemoryPressure', ''],
      ['MemoryPressure', ''],
    ]);
  });

  test('what acted goes on until the minimum reclaim is reached', () => {
    const hard = 'hard/memory.available';
    const soft = 'soft/memory.available';
    expect(
      looks([
        [0, 500],
        [60, 500],
        [70, 1400],
        [80, 1600],
        [90, 2400],
        [100, 2560],
      ]).map(([, acting]) => acting),
    ).toEqual([hard, `${hard},${soft}`, `${hard},${soft}`, soft, soft, '']);
  });

  test('a condition outlives its cause by the transition period', () => {
    expect(
      looks([
        [0, 500],
        [10, 4000],
        [299, 4000],
        [300, 4000],
        [310, 500],
      ]).map(([c]) => c),
    ).toEqual(['MemoryPressure', 'MemoryPressure', 'MemoryPressure', '', 'MemoryPressure']);
  });

  test('conditions that an earlier process reported hold for one more period', () => {
    const state = rememberConditions(NO_PRESSURE, ['DiskPressure'], 1000);
    const at = (now: number) => assessPressure(all, 5000, memory(8000 * MI), state, now).conditions;
    expect([at(1000), at(5999), at(6000)]).toEqual([['DiskPressure'], ['DiskPressure'], []]);
  });

  test('property: over random figures, what acts was short for its grace, and a condition is true exactly while that is recent', () => {
    const random = new Random(3);
    for (let round = 0; round < 200; round++) {
      let state = NO_PRESSURE;
      let lastShort = Number.NEGATIVE_INFINITY;
      const shortSince = new Map<string, number>();
      for (let now = 0; now < 600_000; now += 1_000 * (1 + random.int(15))) {
        const observations = memory(random.int(6) * 512 * MI);
        const wasActing = state.acting;
        const { memory: next, conditions, acting } = assessPressure(all, 60_000, observations, state, now);
        const crossed = thresholdsMet(all, observations);
        const unresolved = thresholdsMet(
          all.filter(({ id }) => wasActing.includes(id)),
          observations,
          true,
        );
        const short = new Set(ids([...crossed, ...unresolved]));
        for (const { id } of all) {
          if (!short.has(id)) shortSince.delete(id);
          else if (!shortSince.has(id)) shortSince.set(id, now);
        }
        if (short.size > 0) lastShort = now;
        const due = all.filter(({ id, graceMs }) => short.has(id) && now - shortSince.get(id)! >= graceMs);
        expect(ids(acting)).toEqual(ids(due));
        expect(conditions).toEqual(now - lastShort < 60_000 ? ['MemoryPressure'] : []);
        state = next;
      }
    }
  });

  test('what was not observed is not crossed, and is no break that resets another', () => {
    const state = assessPressure(all, 1000, memory(1), NO_PRESSURE, 0).memory;
    const later = assessPressure(all, 1000, {}, state, 10);
    expect([later.acting, later.conditions]).toEqual([[], ['MemoryPressure']]);
  });

  describe('the next look', () => {
    const next = (before: number, now: number, afterS = 10) =>
      nextLookMs(
        all,
        { atMs: 0, observations: memory(before * MI) },
        { atMs: afterS * 1000, observations: memory(now * MI) },
      );
    test.each([
      ['steady', 4000, 4000, PERIOD_MS],
      ['rising', 2100, 4000, PERIOD_MS],
      ['falling slowly', 8000, 7900, PERIOD_MS],
      ['below the soft threshold in 5 s', 4048, 3048, 5000],
      ['below it at once', 8000, 2100, 1000],
    ])('%s', (_what, before, now, ms) => expect(next(before, now)).toBe(ms));
    test('the first one is a period later', () => {
      expect(nextLookMs(all, undefined, { atMs: 0, observations: memory(1) })).toBe(PERIOD_MS);
    });
  });
});
