import { Random } from '../../../lib/fake/random.ts';
import { type EvictionCandidate, nextVictim, rankPods } from './ranking.ts';
import { ALL_SIGNALS, type Signal } from './signals.ts';
import { candidate } from './testing.ts';

const ONE_DISK = { imageFs: false, containerFs: false };
const IMAGE_DISK = { imageFs: true, containerFs: false };
const SPLIT = { imageFs: true, containerFs: true };
const STATIC = { 'kubernetes.io/config.source': 'file' };
const order = (signal: Signal, list: readonly EvictionCandidate[], layout = ONE_DISK) =>
  rankPods(signal, list, layout)
    .map((r) => r.candidate.pod.metadata?.name)
    .join(' ');

const withMemory = (request: string, memory: number, priority = 0) => ({
  containers: { c: { requests: { memory: request } } },
  memory,
  priority,
});

test('memory: above the request first, then the lower priority, then the most above it', () => {
  const list = [
    candidate('within', withMemory('1k', 900)),
    candidate('high', withMemory('1k', 5000, 10)),
    candidate('little', withMemory('1k', 1100)),
    candidate('much', withMemory('1k', 1200)),
    candidate('bigRequest', withMemory('2k', 2100)),
    candidate('bestEffort', { memory: 150 }),
  ];
  expect(order('memory.available', list)).toBe('much bestEffort little bigRequest high within');
  expect(order('allocatableMemory.available', list)).toBe('much bestEffort little bigRequest high within');
});

test('tasks: the lower priority, then the most of them; requests do not count', () => {
  const list = [
    candidate('high', { tasks: 900, priority: 5 }),
    candidate('few', { tasks: 2, ...{ containers: { c: { requests: { memory: '1' } } } } }),
    candidate('many', { tasks: 50 }),
  ];
  expect(order('pid.available', list)).toBe('many few high');
});

describe('disks: what counts lies on the disk that runs full', () => {
  const logs = candidate('logs', { containers: { c: { logs: 30 } } });
  const layer = candidate('layer', { containers: { c: { rootfs: 20 } } });
  const volume = candidate('volume', { volumes: [{ name: 'v', emptyDir: {}, used: 10 }] });
  const inMemory = candidate('inMemory', { volumes: [{ name: 'v', emptyDir: { medium: 'Memory' }, used: 99 }] });
  const list = [inMemory, volume, layer, logs];
  test.each<[Signal, typeof ONE_DISK, string]>([
    ['nodefs.available', ONE_DISK, 'logs layer volume inMemory'],
    ['nodefs.inodesFree', ONE_DISK, 'logs layer volume inMemory'],
    ['imagefs.available', ONE_DISK, 'logs layer volume inMemory'],
    ['containerfs.available', ONE_DISK, 'logs layer volume inMemory'],
    ['nodefs.available', IMAGE_DISK, 'logs volume inMemory layer'],
    ['imagefs.available', IMAGE_DISK, 'layer inMemory volume logs'],
    ['containerfs.inodesFree', IMAGE_DISK, 'layer inMemory volume logs'],
    ['nodefs.available', SPLIT, 'logs layer volume inMemory'],
    ['containerfs.available', SPLIT, 'logs layer volume inMemory'],
    ['imagefs.available', SPLIT, 'inMemory volume layer logs'],
  ])('%s, %j: %s', (signal, layout, expected) => expect(order(signal, list, layout)).toBe(expected));
});

test('inodes: nobody can ask for them, and a request of bytes protects nobody', () => {
  const asks = { c: { requests: { 'ephemeral-storage': '1Gi' }, rootfs: 1_000_000 } };
  const list = [candidate('small', { containers: { c: { rootfs: 10 } } }), candidate('many', { containers: asks })];
  expect(order('nodefs.inodesFree', list)).toBe('many small');
  expect(order('nodefs.available', list)).toBe('small many');
});

test('overhead counts only beside a request', () => {
  const spec = { overhead: { memory: '1k' } };
  const list = [
    candidate('asks', { ...withMemory('1k', 1900), spec }),
    candidate('asksNothing', { memory: 500, spec }),
  ];
  expect(rankPods('memory.available', list, ONE_DISK).map((r) => [r.candidate.uid, r.request])).toEqual([
    ['uid-asksNothing', 0],
    ['uid-asks', 2000],
  ]);
});

test('a Pod whose use is not known counts as the largest of its priority, not before the lower ones', () => {
  const list = [
    candidate('known', { containers: { c: { rootfs: 1e12 } } }),
    candidate('unwalked', { walked: false }),
    candidate('important', { walked: false, priority: 7 }),
    candidate('within', { containers: { c: { requests: { 'ephemeral-storage': '1k' }, rootfs: 10 } } }),
  ];
  expect(order('nodefs.available', list)).toBe('unwalked known important within');
  const unread = { ...candidate('unread'), stats: undefined };
  expect(order('memory.available', [candidate('read', { memory: 1e9 }), unread])).toBe('unread read');
});

test('static Pods and those of system priority keep their rank and are passed over', () => {
  const list = [
    candidate('static', { memory: 9e9, annotations: STATIC }),
    candidate('system', { memory: 8e9, priority: 2_000_000_000 }),
    candidate('user', { memory: 1 }),
  ];
  const ranked = rankPods('memory.available', list, ONE_DISK);
  expect(nextVictim(ranked)?.candidate.uid).toBe('uid-user');
  expect(nextVictim(ranked.filter((r) => r.critical))).toBeUndefined();
});

test('property: the order does not depend on the order that it starts from, and keeps to its three rules', () => {
  const random = new Random(7);
  for (let round = 0; round < 300; round++) {
    const list = Array.from({ length: 6 }, (_, i) =>
      candidate(`p${i}`, {
        containers: {
          c: { requests: { memory: `${1 + random.int(4)}k`, 'ephemeral-storage': `${1 + random.int(4)}k` } },
        },
        memory: random.int(6000) * 7 + i,
        tasks: random.int(1000) * 7 + i,
        volumes: [{ name: 'v', emptyDir: {}, used: random.int(6000) * 7 + i }],
        priority: random.int(3),
        walked: !random.chance(0.1),
      }),
    );
    for (const signal of ALL_SIGNALS) {
      const ranked = rankPods(signal, list, ONE_DISK);
      for (const [i, a] of ranked.entries()) {
        const b = ranked[i + 1];
        if (!b) continue;
        const tasks = signal === 'pid.available';
        if (!tasks) expect(Number(a.exceedsRequest)).toBeGreaterThanOrEqual(Number(b.exceedsRequest));
        if (tasks || a.exceedsRequest === b.exceedsRequest) expect(a.priority).toBeLessThanOrEqual(b.priority);
      }
      if (list.every((c) => c.stats['ephemeral-storage']))
        expect(order(signal, [...list].reverse())).toBe(order(signal, list));
    }
  }
});
