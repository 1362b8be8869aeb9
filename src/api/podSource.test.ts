import { until } from '../lib/fake/until.ts';
import type { StoredPod } from '../types/k8s.ts';
import { ApiClient } from './client.ts';
import { FakeApiServer } from './fake/server.ts';
import { mergedPodSource } from './mergedPodSource.ts';
import { ApiPodSource } from './podSource.ts';
import type { PodChange, PodSource, PodSourceName } from './podSource.types.ts';

const sketch = (name: string) => ({
  metadata: { name, namespace: 'ns' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});
const text = (change: PodChange) =>
  change.type === 'synced' ? 'synced' : `${change.type} ${change.pod.metadata.name}`;

describe('Pods from the API server', () => {
  test('are those of this node: frozen, marked with their source, set and removed', async () => {
    await using fake = await FakeApiServer.start();
    await using client = new ApiClient(fake.connection);
    fake.objects.createPod(sketch('mine'), 'n1');
    fake.objects.createPod(sketch('theirs'), 'n2');
    fake.objects.createPod(sketch('later'));
    using source = new ApiPodSource(client, 'n1');
    const log: string[] = [];
    source.subscribe((change) => log.push(text(change)));
    expect(source.synced()).toBe(false);
    source.start();
    await until(() => fake.watches === 1);
    expect(log).toEqual(['set mine', 'synced']);
    await client.createSub('Pod', { namespace: 'ns', name: 'later' }, 'binding', { target: { name: 'n1' } });
    fake.objects.deletePod('ns', 'mine');
    await until(() => log.length === 4);
    const mine = [...source.pods().values()].find((pod) => pod.metadata.name === 'mine')!;
    expect(mine.metadata.deletionTimestamp).toBeDefined();
    fake.objects.deletePod('ns', 'mine', 0);
    await until(() => log.length === 5);
    expect(log.slice(2)).toEqual(['set later', 'set mine', 'remove mine']);
    const [pod] = [...source.pods().values()];
    expect(pod!.metadata.annotations).toMatchObject({ 'kubernetes.io/config.source': 'api' });
    expect(Object.isFrozen(pod!.spec.containers[0])).toBe(true);
  });

  test('are listed in pages that parse quickly', async () => {
    await using fake = await FakeApiServer.start();
    await using client = new ApiClient(fake.connection);
    for (let i = 0; i < 110; i++) fake.objects.createPod(sketch(`p${i}`), 'n1');
    using source = new ApiPodSource(client, 'n1').start();
    await until(() => source.synced());
    expect([source.pods().size, fake.seen('list', 'Pod').length]).toEqual([110, 3]);
  });

  test('keep the time at which they were first seen', async () => {
    await using fake = await FakeApiServer.start();
    await using client = new ApiClient(fake.connection);
    fake.objects.createPod(sketch('p'), 'n1');
    using source = new ApiPodSource(client, 'n1').start();
    await until(() => fake.watches === 1);
    const seen = () => [...source.pods().values()][0]!.metadata.annotations!['kubernetes.io/config.seen'];
    const first = seen();
    fake.objects.edit('Pod', 'ns', 'p', (pod) => {
      pod.metadata!.labels = { a: 'b' };
    });
    await until(() => [...source.pods().values()][0]!.metadata.labels?.a === 'b');
    expect(seen()).toBe(first);
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT/);
  });
});

function stub(name: PodSourceName) {
  const pods = new Map<string, StoredPod>();
  const listeners: ((change: PodChange) => void)[] = [];
  let ready = false;
  const source: PodSource = {
    name,
    synced: () => ready,
    pods: () => pods,
    subscribe: (listener) => {
      listeners.push(listener);
      return { [Symbol.dispose]: () => void listeners.splice(listeners.indexOf(listener), 1) };
    },
  };
  const emit = (change: PodChange) => {
    if (change.type === 'set') pods.set(change.pod.metadata.uid, change.pod);
    if (change.type === 'remove') pods.delete(change.pod.metadata.uid);
    if (change.type === 'synced') ready = true;
    for (const listener of listeners) listener(change);
  };
  return { source, emit };
}
const pod = (uid: string, name: string): StoredPod => ({
  metadata: { uid, name, namespace: 'ns' },
  spec: { containers: [] },
});

describe('merged Pod sources', () => {
  test('are synced when all are, and say who is missing', () => {
    const file = stub('file');
    const api = stub('api');
    file.emit({ type: 'set', pod: pod('1', 'early') });
    const merged = mergedPodSource([file.source, api.source]);
    const log: string[] = [];
    merged.subscribe((change, source) => log.push(`${source} ${text(change)}`));
    expect([...merged.pods().keys()]).toEqual(['1']);
    file.emit({ type: 'synced' });
    expect([merged.synced(), merged.waitingFor()]).toEqual([false, ['api']]);
    api.emit({ type: 'set', pod: pod('2', 'b') });
    api.emit({ type: 'synced' });
    expect(merged.synced()).toBe(true);
    expect(log).toEqual(['api set b', 'api synced']);
    merged[Symbol.dispose]();
    api.emit({ type: 'remove', pod: pod('2', 'b') });
    expect(log).toHaveLength(2);
  });

  test('a UID belongs to the source that brought it first, until that one lets go', () => {
    const file = stub('file');
    const api = stub('api');
    const merged = mergedPodSource([file.source, api.source]);
    const log: string[] = [];
    merged.subscribe((change, source) => log.push(`${source} ${text(change)}`));
    file.emit({ type: 'set', pod: pod('1', 'static') });
    api.emit({ type: 'set', pod: pod('1', 'intruder') });
    expect([merged.pods().get('1')!.metadata.name, merged.sourceOf('1')]).toEqual(['static', 'file']);
    file.emit({ type: 'remove', pod: pod('1', 'static') });
    expect(log).toEqual(['file set static', 'file remove static', 'api set intruder']);
    api.emit({ type: 'remove', pod: pod('1', 'intruder') });
    expect([merged.pods().size, merged.sourceOf('1')]).toEqual([0, undefined]);
  });
});
