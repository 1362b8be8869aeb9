import { ManualClock } from '../lib/fake/manualClock.ts';
import { PodTable } from '../pods/table.ts';
import type { Pod } from '../types/k8s.ts';
import { idlePorts } from './fake/idlePorts.ts';
import type { PodWorkersPorts } from './workerPorts.ts';
import { PodWorkers } from './workers.ts';

const pod = (uid: string, name = 'p'): Pod => ({
  metadata: { uid, name, namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  status: { phase: 'Running' },
});

function make() {
  const changed: string[] = [];
  const ports: PodWorkersPorts = {
    ...idlePorts,
    table: new PodTable(),
    random: () => 0.5,
    recorded: () => ({}),
    clock: new ManualClock(),
    opened: () => ({ [Symbol.dispose]: () => {} }),
    changed: (worker) => changed.push(worker.uid),
  };
  return { workers: new PodWorkers(ports), changed };
}

describe('a UID whose leftovers are being removed', () => {
  test('is taken by one, and by none while a worker has it', () => {
    const { workers } = make();
    workers.set(pod('a'), 'file');
    expect(workers.reserve('a')).toBeUndefined();
    const first = workers.reserve('b');
    expect(workers.reserve('b')).toBeUndefined();
    first?.[Symbol.dispose]();
    workers.reserve('b')?.[Symbol.dispose]();
    expect(workers.get('b')).toBeUndefined();
    workers.stop();
  });

  test.each(['file', 'api'] as const)('waits with its Pod of %s, of which the last version counts', (origin) => {
    const { workers, changed } = make();
    const taken = workers.reserve('a');
    workers.set(pod('a', 'old'), origin);
    workers.set(pod('a', 'new'), origin);
    workers.listed([{ uid: 'a', namespace: 'ns', name: 'new', seq: 1, sandboxes: [], containers: [] } as never], 1);
    expect(workers.all()).toEqual([]);
    taken?.[Symbol.dispose]();
    taken?.[Symbol.dispose]();
    expect(workers.get('a')?.name).toBe('new');
    expect(workers.get('a')?.entry.accepted).toEqual(origin === 'api' ? { phase: 'Running' } : undefined);
    expect(changed).toEqual(['a']);
    workers.stop();
  });

  test('and its Pod that is dropped again, or the end of the program, is no Pod', () => {
    const { workers } = make();
    const [a, b] = [workers.reserve('a'), workers.reserve('b')];
    workers.set(pod('a'), 'file');
    workers.remove(pod('a'));
    a?.[Symbol.dispose]();
    workers.set(pod('b'), 'file');
    workers.stop();
    b?.[Symbol.dispose]();
    expect(workers.all()).toEqual([]);
  });
});

test('a Pod whose follower throws keeps no other from being heard of', () => {
  const defects: string[] = [];
  const workers = new PodWorkers({
    ...idlePorts,
    table: new PodTable(),
    random: () => 0.5,
    recorded: () => ({}),
    clock: new ManualClock(),
    opened: () => ({ [Symbol.dispose]: () => {} }),
    changed: ({ uid }) => {
      if (uid === 'a') throw new Error('a reference that nobody foresaw');
    },
    defect: ({ uid }, error) => void defects.push(`${uid}: ${(error as Error).message}`),
  });
  for (const uid of ['a', 'b']) workers.set(pod(uid, uid), 'api');
  expect(defects).toEqual(['a: a reference that nobody foresaw']);
  expect(workers.all().map((w) => w.uid)).toEqual(['a', 'b']);
  workers.stop();
});

test('a status that was handed out is handed out again when the API object is another one, and only then', async () => {
  const published: string[] = [];
  const clock = new ManualClock();
  const workers = new PodWorkers({
    ...idlePorts,
    table: new PodTable(),
    random: () => 0.5,
    recorded: () => ({}),
    clock,
    opened: () => ({ [Symbol.dispose]: () => {} }),
    changed: () => {},
    publish: (_pod, { phase = '' }) => published.push(phase),
  });
  workers.set(pod('a'), 'file');
  await clock.advanceAsync(0);
  expect(published).toHaveLength(1);
  workers.get('a')?.wake();
  await clock.advanceAsync(0);
  expect(published).toHaveLength(1);
  workers.get('a')?.republish();
  await clock.advanceAsync(0);
  expect(published).toHaveLength(2);
  workers.stop();
});

describe('static Pods of one full name', () => {
  const nameTakenBy = (workers: PodWorkers, uid: string) => workers.get(uid)?.last?.facts.nameTakenBy;

  test('of three, one gets the name when its holder is over, and the third waits for that one', async () => {
    const { workers } = make();
    for (const uid of ['a', 'b', 'c']) workers.set(pod(uid), 'file');
    await Promise.resolve();
    expect(['a', 'b', 'c'].map((uid) => nameTakenBy(workers, uid))).toEqual([undefined, 'a', 'a']);
    workers.done('a');
    await Promise.resolve();
    expect(['b', 'c'].map((uid) => nameTakenBy(workers, uid))).toEqual([undefined, 'b']);
    workers.stop();
  });

  test('one that comes back while it ends, and is taken away again, is over for good', () => {
    const { workers } = make();
    workers.set(pod('a'), 'file');
    workers.remove(pod('a'));
    workers.set(pod('a', 'again'), 'file');
    workers.remove(pod('a'));
    workers.done('a');
    expect(workers.all()).toEqual([]);
    workers.remove(pod('b'));
    workers.set(pod('b'), 'file');
    workers.remove(pod('b'));
    workers.set(pod('b'), 'file');
    workers.done('b'); // this one is wanted
    expect(workers.all().map(({ uid }) => uid)).toEqual(['b']);
    workers.stop();
  });
});
