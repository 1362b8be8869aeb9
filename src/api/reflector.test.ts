import { until } from '../lib/fake/until.ts';
import type { ConfigMap } from '../types/k8s.ts';
import { ApiClient } from './client.ts';
import { FakeApiServer } from './fake/server.ts';
import { Reflector, type ReflectorState } from './reflector.ts';

const map = (name: string, value = ''): ConfigMap => ({ metadata: { name, namespace: 'ns' }, data: { value } });

async function setup() {
  const fake = await FakeApiServer.start();
  const client = new ApiClient(fake.connection);
  const log: string[] = [];
  const states: ReflectorState[] = [];
  const name = (object: ConfigMap) => `${object.metadata?.name}=${object.data?.value ?? ''}`;
  const reflector = new Reflector(
    client,
    'ConfigMap',
    { namespace: 'ns' },
    {
      onAdd: (object) => log.push(`add ${name(object)}`),
      onUpdate: (object, old) => log.push(`update ${name(old)} ${name(object)}`),
      onDelete: (object) => log.push(`delete ${name(object)}`),
      onSync: (objects) => log.push(`sync ${objects.length}`),
      onState: (state) => states.push(state),
    },
    { random: () => 0, retryDelay: () => 5 },
  );
  const close = async () => {
    reflector[Symbol.dispose]();
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  const connected = () => until(() => reflector.state().state === 'connected' && fake.watches === 1);
  return { fake, reflector, log, states, connected, [Symbol.asyncDispose]: close };
}

describe('reflector', () => {
  test('lists, then follows the watch', async () => {
    await using w = await setup();
    w.fake.objects.set('ConfigMap', map('a', '1'));
    w.fake.objects.set('ConfigMap', { metadata: { name: 'elsewhere', namespace: 'other' } });
    w.reflector.start();
    await w.connected();
    w.fake.objects.edit('ConfigMap', 'ns', 'a', (object) => {
      object.data = { value: '2' };
    });
    w.fake.objects.set('ConfigMap', map('b'));
    w.fake.objects.remove('ConfigMap', 'ns', 'a');
    await until(() => w.log.length === 5);
    expect(w.log).toEqual(['add a=1', 'sync 1', 'update a=1 a=2', 'add b=', 'delete a=2']);
    expect([...w.reflector.objects().keys()]).toEqual(['ns/b']);
  });

  test('an object that a listener cannot bear keeps no other from being known', async () => {
    await using fake = await FakeApiServer.start();
    await using client = new ApiClient(fake.connection);
    for (const name of ['a', 'b', 'c']) fake.objects.set('ConfigMap', map(name));
    const seen: string[] = [];
    const defects: string[] = [];
    const onAdd = ({ metadata }: ConfigMap) => {
      if (metadata?.name === 'b') throw new Error('an odd object');
      seen.push(metadata?.name ?? '');
    };
    const onDefect = (error: unknown, { metadata }: ConfigMap) =>
      void defects.push(`${metadata?.name}: ${(error as Error).message}`);
    using reflector = new Reflector(client, 'ConfigMap', { namespace: 'ns' }, { onAdd, onDefect }).start();
    await until(() => reflector.synced() && fake.watches === 1);
    fake.objects.set('ConfigMap', map('d'));
    await until(() => seen.length === 3);
    expect([seen, defects]).toEqual([['a', 'c', 'd'], ['b: an odd object']]);
  });

  test('a long list comes in pages, whole', async () => {
    await using w = await setup();
    for (let i = 0; i < 600; i++) w.fake.objects.set('ConfigMap', map(`c${i}`));
    w.reflector.start();
    await until(() => w.reflector.synced());
    expect(w.reflector.objects().size).toBe(600);
    expect(w.fake.seen('list', 'ConfigMap')).toHaveLength(3);
  });

  test('goes on from where it was when the watch or the connection ends; nothing is missed and nothing listed again', async () => {
    await using w = await setup();
    w.reflector.start();
    await w.connected();
    w.fake.endWatches();
    w.fake.objects.set('ConfigMap', map('a'));
    await w.connected();
    w.fake.wire.cut();
    w.fake.objects.set('ConfigMap', map('b'));
    await w.connected();
    await w.fake.wire.stop();
    w.fake.objects.remove('ConfigMap', 'ns', 'a');
    await until(() => w.reflector.state().state === 'retrying');
    expect(w.reflector.synced()).toBe(true);
    expect(w.reflector.state()).toMatchObject({ reason: expect.stringMatching(/ECONN|socket|closed|terminated/) });
    await w.fake.wire.start();
    await until(() => w.log.length === 4);
    expect(w.log).toEqual(['sync 0', 'add a=', 'add b=', 'delete a=']);
    expect(w.fake.seen('list', 'ConfigMap')).toHaveLength(1);
  });

  test('a bookmark moves the version on, so that compaction does no harm', async () => {
    await using w = await setup();
    w.reflector.start();
    await w.connected();
    w.fake.objects.set('Secret', { metadata: { name: 'unrelated', namespace: 'ns' } });
    w.fake.storage.bookmark();
    const version = w.fake.storage.version;
    await until(() => {
      w.fake.endWatches();
      return w.fake.seen('watch', 'ConfigMap').at(-1)!.query.get('resourceVersion') === version;
    });
    expect(w.fake.seen('list', 'ConfigMap')).toHaveLength(1);
    expect(w.fake.seen('watch', 'ConfigMap')[0]!.query.get('allowWatchBookmarks')).toBe('true');
  });

  test('an expired version means to list again and to report what changed meanwhile, a replaced object as deleted and added', async () => {
    await using w = await setup();
    for (const name of ['same', 'changed', 'gone', 'replaced']) w.fake.objects.set('ConfigMap', map(name, 'old'));
    w.reflector.start();
    await w.connected();
    w.log.length = 0;
    await w.fake.wire.stop();
    w.fake.objects.set('ConfigMap', map('changed', 'new'));
    w.fake.objects.remove('ConfigMap', 'ns', 'gone');
    w.fake.objects.remove('ConfigMap', 'ns', 'replaced');
    w.fake.objects.set('ConfigMap', map('replaced', 'new'));
    w.fake.storage.compact();
    await w.fake.wire.start();
    await until(() => w.log.includes('sync 3'));
    expect(w.log.toSorted()).toEqual(
      [
        'delete gone=old',
        'update changed=old changed=new',
        'delete replaced=old',
        'add replaced=new',
        'sync 3',
      ].toSorted(),
    );
    expect(w.log.indexOf('delete replaced=old')).toBeLessThan(w.log.indexOf('add replaced=new'));
  });

  test('says why it is not there yet, and recovers from server errors', async () => {
    await using w = await setup();
    w.fake.fail({
      verb: 'list',
      kind: 'ConfigMap',
      times: 2,
      status: 403,
      reason: 'Forbidden',
      message: 'node n1 may not',
    });
    w.fake.fail({
      verb: 'watch',
      kind: 'ConfigMap',
      times: 1,
      status: 500,
      reason: 'InternalError',
      message: 'etcdserver: leader changed',
    });
    w.reflector.start();
    await w.connected();
    const reasons = w.states.map((state) => (state.state === 'retrying' ? state.reason : state.state));
    expect(reasons).toEqual(['node n1 may not', 'node n1 may not', 'etcdserver: leader changed', 'connected']);
  });

  test('is silent after it was disposed', async () => {
    await using w = await setup();
    w.reflector.start();
    await w.connected();
    w.reflector[Symbol.dispose]();
    w.fake.objects.set('ConfigMap', map('late'));
    await until(() => w.fake.watches === 0);
    expect(w.log).toEqual(['sync 0']);
  });

  test('a watch asks for a life of five to ten minutes', async () => {
    await using w = await setup();
    w.reflector.start();
    await w.connected();
    expect(w.fake.seen('watch', 'ConfigMap')[0]!.query.get('timeoutSeconds')).toBe('300');
  });
});
