import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { ApiClient } from './client.ts';
import { FakeApiServer } from './fake/server.ts';
import { ObjectStore, type ObjectStoreOptions } from './objectStore.ts';

async function setup(options: ObjectStoreOptions = {}) {
  const fake = await FakeApiServer.start();
  const client = new ApiClient(fake.connection);
  const store = new ObjectStore(client, options);
  const close = async () => {
    store[Symbol.dispose]();
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  const signal = new AbortController().signal;
  return { fake, store, signal, [Symbol.asyncDispose]: close };
}
const object = (name: string, value: string) => ({ metadata: { name, namespace: 'ns' }, data: { value } });

describe('object store', () => {
  test('a hundred subscribers share one list, one watch and one object', async () => {
    await using w = await setup();
    w.fake.objects.set('ConfigMap', object('root-ca', '1'));
    const seen = new Set<unknown>();
    let calls = 0;
    const subscriptions = Array.from({ length: 100 }, () =>
      w.store.subscribe('ConfigMap', 'ns', 'root-ca', (state) => {
        calls++;
        if (state.state === 'present') seen.add(state.object);
      }),
    );
    expect(w.store.get('ConfigMap', 'ns', 'root-ca')).toMatchObject({
      state: 'unknown',
      reason: expect.stringContaining('not read'),
    });
    await until(() => calls === 100);
    await until(() => w.fake.watches === 1);
    w.fake.objects.set('ConfigMap', object('root-ca', '2'));
    await until(() => calls === 200);
    expect(seen.size).toBe(2);
    expect(w.fake.seen('list', 'ConfigMap')).toHaveLength(1);
    for (const subscription of subscriptions) subscription[Symbol.dispose]();
  });

  test('knows absence, and hears of a creation and a deletion', async () => {
    await using w = await setup();
    const states: string[] = [];
    w.store.subscribe('Secret', 'ns', 's', (state) => states.push(state.state));
    await until(() => w.fake.watches === 1);
    w.fake.objects.set('Secret', { metadata: { name: 's', namespace: 'ns' } });
    await until(() => states.length === 2);
    w.fake.objects.remove('Secret', 'ns', 's');
    await until(() => states.length === 3);
    expect(states).toEqual(['absent', 'present', 'absent']);
    expect(w.fake.seen('list', 'Secret')[0]!.query.get('fieldSelector')).toBe('metadata.name=s');
  });

  test('first readings go at the limiter’s pace; what the Node authorizer has not seen yet is asked for in between', async () => {
    let acquired = 0;
    const limiter = {
      acquire: async () => {
        acquired += 1;
      },
    };
    await using w = await setup({ limiter });
    for (const name of ['a', 'b', 'c']) w.store.subscribe('ConfigMap', 'ns', name, () => {});
    await until(() => w.fake.watches === 3);
    expect(acquired).toBe(3);
  });

  test('the last value serves while the API server is away', async () => {
    await using w = await setup({ random: () => 0 });
    w.fake.objects.set('Secret', { metadata: { name: 's', namespace: 'ns' }, type: 'x' });
    let value = '';
    using _subscription = w.store.subscribe('Secret', 'ns', 's', (state) => {
      value = state.state === 'present' ? (state.object.type ?? '') : state.state;
    });
    await w.store.known('Secret', 'ns', 's', w.signal);
    await w.fake.wire.stop();
    w.fake.objects.edit('Secret', 'ns', 's', (secret) => {
      secret.type = 'y';
    });
    expect(w.store.get('Secret', 'ns', 's')).toMatchObject({ state: 'present', object: { type: 'x' } });
    await w.fake.wire.start();
    await until(() => value === 'y');
  });

  test('the Node authorizer that has not seen the Pod yet is asked again within 50 ms steps, with a reason meanwhile', async () => {
    await using w = await setup();
    w.fake.objects.createPod({ metadata: { name: 'p', namespace: 'ns' }, spec: {} });
    w.fake.objects.set('Secret', { metadata: { name: 's', namespace: 'ns' } });
    w.fake.bindWithLateAuthorizer('ns', 'p', 'n1', 120);
    const reasons: string[] = [];
    const started = performance.now();
    using _subscription = w.store.subscribe('Secret', 'ns', 's', (state) => {
      reasons.push(state.state === 'unknown' ? state.reason : state.state);
    });
    expect(await w.store.known('Secret', 'ns', 's', w.signal)).toMatchObject({ state: 'present' });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(reasons).toEqual([expect.stringContaining('no relationship found'), 'present']);
    expect(w.fake.seen('list', 'Secret').length).toBeLessThanOrEqual(5);
  });

  test('an immutable object is read once and not watched', async () => {
    await using w = await setup();
    w.fake.objects.set('ConfigMap', { ...object('fixed', '1'), immutable: true });
    using _subscription = w.store.subscribe('ConfigMap', 'ns', 'fixed', () => {});
    expect(await w.store.known('ConfigMap', 'ns', 'fixed', w.signal)).toMatchObject({
      object: { data: { value: '1' } },
    });
    w.fake.objects.set('ConfigMap', object('moving', '1'));
    using _other = w.store.subscribe('ConfigMap', 'ns', 'moving', () => {});
    await until(() => w.fake.watches === 1);
    expect(w.fake.seen('watch', 'ConfigMap').map((r) => r.query.get('fieldSelector'))).toEqual([
      'metadata.name=moving',
    ]);
    w.fake.objects.edit('ConfigMap', 'ns', 'moving', (map) => {
      map.immutable = true;
    });
    await until(() => w.fake.watches === 0);
    expect(w.store.get('ConfigMap', 'ns', 'moving')).toMatchObject({ state: 'present' });
  });

  test('a watch ends some time after its last subscriber, and not if another comes before', async () => {
    const clock = new ManualClock();
    await using w = await setup({ clock, lingerMs: 1000 });
    const one = w.store.subscribe('ConfigMap', 'ns', 'a', () => {});
    await until(() => w.fake.watches === 1);
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    clock.advance(999);
    const two = w.store.subscribe('ConfigMap', 'ns', 'a', () => {});
    clock.advance(5000);
    expect(w.store.size).toBe(1);
    two[Symbol.dispose]();
    clock.advance(1000);
    expect(w.store.size).toBe(0);
    await until(() => w.fake.watches === 0);
    expect(w.store.get('ConfigMap', 'ns', 'a')).toMatchObject({ state: 'unknown' });
  });

  test('kinds kept as a whole share one watch over all names; changes reach the subscribers of that name only', async () => {
    await using w = await setup({ whole: { Service: {}, Node: { fieldSelector: 'metadata.name=n1' } } });
    w.fake.objects.set('Service', { metadata: { name: 'a', namespace: 'ns' } });
    w.fake.objects.set('Node', { metadata: { name: 'n1' } });
    w.fake.objects.set('Node', { metadata: { name: 'n2' } });
    const log: string[] = [];
    w.store.subscribe('Service', 'ns', 'a', (state) => log.push(`a ${state.state}`));
    w.store.subscribe('Service', 'ns', 'b', (state) => log.push(`b ${state.state}`));
    w.store.subscribe('Node', undefined, 'n1', (state) => log.push(`node ${state.state}`));
    await until(() => log.length === 3 && w.fake.watches === 2);
    expect(log.toSorted()).toEqual(['a present', 'b absent', 'node present']);
    w.fake.objects.set('Service', { metadata: { name: 'b', namespace: 'ns' } });
    await until(() => log.length === 4);
    expect(log[3]).toBe('b present');
    expect(w.store.size).toBe(2);
  });

  test('waiting for an object ends with the abort', async () => {
    await using w = await setup();
    w.fake.fail({ verb: 'list', kind: 'Secret', hang: true });
    const abort = new AbortController();
    const known = w.store.known('Secret', 'ns', 's', abort.signal);
    abort.abort(new Error('the Pod is gone'));
    await expect(known).rejects.toThrow('the Pod is gone');
  });
});
