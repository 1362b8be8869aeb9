import type { ReferencedState } from '../pods/facts.ts';
import type { FactUpdate } from '../pods/updates.ts';
import type { Pod } from '../types/k8s.ts';
import { type FollowLimits, FollowRoom } from './followRoom.ts';
import { type FollowedObject, References } from './references.ts';

const pod = { metadata: { name: 'p', namespace: 'ns' }, spec: { containers: [] } } as unknown as Pod;

/** Objects by `KIND name`; the value is the next one's `KIND name`. */
class Objects {
  readonly known = new Map<string, string>();
  readonly watched = new Map<string, Set<() => void>>();

  state(kind: string, _namespace: string, name: string): ReferencedState {
    const next = this.known.get(`${kind} ${name}`);
    return next === undefined ? { state: 'absent' } : { state: 'present', version: next };
  }

  subscribe(kind: string, _namespace: string, name: string, onChange: () => void): Disposable {
    const key = `${kind} ${name}`;
    const watchers = this.watched.get(key) ?? new Set();
    this.watched.set(key, watchers.add(onChange));
    return {
      [Symbol.dispose]: () => {
        watchers.delete(onChange);
        if (watchers.size === 0) this.watched.delete(key);
      },
    };
  }

  set(key: string, next: string): void {
    this.known.set(key, next);
    for (const watcher of [...(this.watched.get(key) ?? [])]) watcher();
  }
}

function following(objects: Objects) {
  const learned: FactUpdate[] = [];
  const needs = () => {
    const found: (FollowedObject & { volume: string })[] = [
      { kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', volume: 'v' },
    ];
    const volume = objects.known.get('PersistentVolumeClaim data');
    if (volume) found.push({ kind: 'PersistentVolume', namespace: '', name: volume, volume: 'v' });
    const secret = volume && objects.known.get(`PersistentVolume ${volume}`);
    if (secret) found.push({ kind: 'Secret', namespace: 'other', name: secret, volume: 'v' });
    return found;
  };
  const references = new References(
    objects as never,
    (update) => learned.push(update),
    needs,
    (error) => {
      throw error;
    },
  );
  references.follow(pod);
  return { learned, references };
}

test('a claim leads to its volume, and that to its secret, each as soon as it is known', () => {
  const objects = new Objects();
  const { learned, references } = following(objects);
  expect([...objects.watched.keys()]).toEqual(['PersistentVolumeClaim data']);
  objects.set('PersistentVolumeClaim data', 'pv');
  objects.set('PersistentVolume pv', 'key');
  expect([...objects.watched.keys()]).toEqual(['PersistentVolumeClaim data', 'PersistentVolume pv', 'Secret key']);
  expect(learned.at(-1)).toMatchObject({
    kind: 'references',
    references: {
      volumes: { v: ['PersistentVolumeClaim ns/data', 'PersistentVolume /pv', 'Secret other/key'] },
      objects: {
        'PersistentVolume /pv': { state: 'present', version: 'key' },
        'Secret other/key': { state: 'absent' },
      },
    },
  });
  // What leads nowhere is told alone.
  objects.set('Secret key', '1');
  expect(learned.at(-1)).toEqual({
    kind: 'object',
    key: 'Secret other/key',
    state: { state: 'present', version: '1' },
  });
  // Another volume: the first one is dropped.
  objects.set('PersistentVolumeClaim data', 'pv2');
  expect([...objects.watched.keys()].sort()).toEqual(['PersistentVolume pv2', 'PersistentVolumeClaim data']);
  references[Symbol.dispose]();
  expect(objects.watched.size).toBe(0);
});

test('of a Pod that is over no volume is followed any more', () => {
  const objects = new Objects();
  const { references } = following(objects);
  references.follow({ ...pod, status: { phase: 'Succeeded' } });
  expect(objects.watched.size).toBe(0);
});

test('what throws while an object changes concerns this Pod alone', () => {
  const objects = new Objects();
  const defects: unknown[] = [];
  let broken = false;
  const needs = () => {
    if (broken) throw new Error('a claim that nobody foresaw');
    return [{ kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', volume: 'v' } as const];
  };
  const mine = new References(
    objects as never,
    () => {},
    needs,
    (error) => void defects.push(error),
  );
  const learned: FactUpdate[] = [];
  const other = new References(
    objects as never,
    (update) => learned.push(update),
    () => [{ kind: 'PersistentVolumeClaim', namespace: 'ns', name: 'data', volume: 'v' }],
    (error) => void defects.push(error),
  );
  mine.follow(pod);
  other.follow(pod);
  broken = true;
  objects.set('PersistentVolumeClaim data', 'pv');
  expect(defects).toEqual([new Error('a claim that nobody foresaw')]);
  expect(learned).toHaveLength(2); // the other Pod hears of the change
});

test('what a Pod does not refer to any more is not watched, and nothing after its end', () => {
  const objects = new Objects();
  const using = (...names: string[]): Pod => ({
    ...pod,
    spec: { containers: [{ name: 'c', envFrom: names.map((name) => ({ configMapRef: { name } })) }] },
  });
  const own = new References(
    objects as never,
    () => {},
    () => [],
    (error) => {
      throw error;
    },
  );
  own.follow(using('a', 'b'));
  expect([...objects.watched.keys()]).toEqual(['ConfigMap a', 'ConfigMap b']);
  own.follow(using('b', 'c'));
  expect([...objects.watched.keys()]).toEqual(['ConfigMap b', 'ConfigMap c']);
  own.follow(using('b', 'c'));
  expect([...(objects.watched.get('ConfigMap b') ?? [])]).toHaveLength(1);
  own[Symbol.dispose]();
  expect([...objects.watched.keys()]).toEqual([]);
});

describe('places for objects that are followed', () => {
  const named = (...names: string[]) =>
    ({
      metadata: { name: 'p', namespace: 'ns' },
      spec: { containers: [{ name: 'c', envFrom: names.map((name) => ({ secretRef: { name } })) }] },
    }) as unknown as Pod;
  function pods(limits: FollowLimits) {
    const objects = Object.assign(new Objects(), { room: new FollowRoom(limits) });
    const told: (FactUpdate & { kind: 'references' })[] = [];
    const own = () =>
      new References(
        objects as never,
        (update) => void (update.kind === 'references' && told.push(update)),
        () => [],
        (error) => {
          throw error;
        },
      );
    return { objects, told, own };
  }

  test('what is beyond the places of a Pod is refused with a sentence; the rest of it is followed', () => {
    const { objects, told, own } = pods({ ofPod: 2, first: 1, ofNode: 10 });
    own().follow(named('a', 'b', 'c'));
    expect([...objects.watched.keys()]).toEqual(['Secret a', 'Secret b']);
    expect(told.at(-1)?.references.objects['Secret ns/c']).toEqual({
      state: 'unknown',
      reason: 'the Pod refers to more than 2 objects of the API',
    });
  });

  test('what is beyond the places of the node waits until another Pod lets something go; the first objects of each Pod never wait', async () => {
    const { objects, told, own } = pods({ ofPod: 9, first: 1, ofNode: 2 });
    const greedy = own();
    greedy.follow(named('a', 'b'));
    own().follow(named('x', 'y'));
    expect([...objects.watched.keys()]).toEqual(['Secret a', 'Secret b', 'Secret x']);
    expect(told.at(-1)?.references.objects['Secret ns/y']).toMatchObject({ state: 'unknown' });
    greedy[Symbol.dispose]();
    await Promise.resolve();
    expect([...objects.watched.keys()]).toEqual(['Secret x', 'Secret y']);
    expect(told.at(-1)?.references.objects['Secret ns/y']).toEqual({ state: 'absent' });
    expect(objects.room.refused).toBe(0);
  });
});
