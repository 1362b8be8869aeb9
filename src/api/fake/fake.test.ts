import { failure, until } from '../../lib/fake/until.ts';
import { isConflict, isNotFound } from '../apiError.ts';
import { ApiClient } from '../client.ts';
import { jsonPatch, mergePatch, strategicMerge } from './patch.ts';
import { parsePath } from './request.ts';
import { matcher } from './selectors.ts';
import { FakeApiServer } from './server.ts';

describe('strategic merge', () => {
  test.each<[string, object, object, object]>([
    ['maps merge, null deletes', { a: { x: 1, y: 2 }, b: 1 }, { a: { y: null, z: 3 } }, { a: { x: 1, z: 3 }, b: 1 }],
    [
      'conditions join by type',
      { conditions: [{ type: 'A', status: 'True', reason: 'r' }, { type: 'X' }] },
      { conditions: [{ type: 'A', status: 'False' }, { type: 'B' }] },
      { conditions: [{ type: 'A', status: 'False', reason: 'r' }, { type: 'X' }, { type: 'B' }] },
    ],
    [
      'other owners of conditions stay',
      { conditions: [{ type: 'Theirs' }] },
      { conditions: [] },
      { conditions: [{ type: 'Theirs' }] },
    ],
    [
      'podIPs join by ip, so a stale one stays',
      { podIPs: [{ ip: '1' }] },
      { podIPs: [{ ip: '2' }] },
      { podIPs: [{ ip: '1' }, { ip: '2' }] },
    ],
    [
      '$patch: delete removes an item',
      { hostIPs: [{ ip: '1' }, { ip: '2' }] },
      { hostIPs: [{ $patch: 'delete', ip: '1' }] },
      { hostIPs: [{ ip: '2' }] },
    ],
    [
      '$patch: replace in a list',
      { conditions: [{ type: 'A' }] },
      { conditions: [{ $patch: 'replace' }, { type: 'B' }] },
      { conditions: [{ type: 'B' }] },
    ],
    ['$patch: replace in a map', { a: { x: 1 } }, { a: { $patch: 'replace', y: 2 } }, { a: { y: 2 } }],
    [
      'containerStatuses are atomic',
      { containerStatuses: [{ name: 'a' }, { name: 'b' }] },
      { containerStatuses: [{ name: 'a' }] },
      { containerStatuses: [{ name: 'a' }] },
    ],
    [
      '$setElementOrder',
      { conditions: [{ type: 'A' }] },
      { '$setElementOrder/conditions': [{ type: 'B' }, { type: 'A' }], conditions: [{ type: 'B' }] },
      { conditions: [{ type: 'B' }, { type: 'A' }] },
    ],
    ['finalizers are a set', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, { finalizers: ['a', 'b'] }],
    [
      '$deleteFromPrimitiveList',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    [
      '$retainKeys',
      { strategy: { type: 'x', old: 1 } },
      { strategy: { $retainKeys: ['type'], type: 'y' } },
      { strategy: { type: 'y' } },
    ],
    [
      'ports by containerPort or port',
      { ports: [{ containerPort: 1, name: 'a' }] },
      { ports: [{ containerPort: 1, hostPort: 2 }] },
      { ports: [{ containerPort: 1, name: 'a', hostPort: 2 }] },
    ],
  ])('%s', (_name, current, patch, expected) => {
    const before = JSON.stringify(current);
    expect(strategicMerge(current, patch)).toEqual(expected);
    expect(JSON.stringify(current)).toBe(before);
  });

  test('an item without its key is refused', () => {
    expect(() => strategicMerge({}, { conditions: [{ status: 'True' }] })).toThrow(/merge key type/);
  });
});

test('merge patch replaces lists', () => {
  expect(mergePatch({ l: [1], m: { a: 1, b: 2 } }, { l: [2], m: { a: null } })).toEqual({ l: [2], m: { b: 2 } });
});

test.each<[object, object[], object | string]>([
  [{ a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
  [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
  [{ a: { 'x/y~z': 1 } }, [{ op: 'replace', path: '/a/x~1y~0z', value: 2 }], { a: { 'x/y~z': 2 } }],
  [{ a: 1 }, [{ op: 'test', path: '/a', value: 2 }], 'test of /a failed'],
  [{ a: 1 }, [{ op: 'remove', path: '/b' }], 'nothing to remove'],
  [{ a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
  [{ a: 1 }, [{ op: 'copy', from: '/a', path: '/b' }], { a: 1, b: 1 }],
])('JSON patch of %j by %j', (current, operations, expected) => {
  const apply = () => jsonPatch(current, operations as never);
  if (typeof expected === 'string') expect(apply).toThrow(expected);
  else expect(apply()).toEqual(expected);
});

test.each([
  ['spec.nodeName=n1', '', true],
  ['spec.nodeName!=n1', '', false],
  ['spec.nodeName==n1,metadata.name=p', '', true],
  ['status.phase=', '', true],
  ['', 'app=web', true],
  ['', 'app in (web, api),!legacy', true],
  ['', 'app notin (web)', false],
  ['', 'app,tier', false],
  ['', 'app!=db', true],
])('selectors %j %j', (fields, labels, expected) => {
  expect(
    matcher(fields, labels)({ metadata: { name: 'p', labels: { app: 'web' } }, spec: { nodeName: 'n1' } } as object),
  ).toBe(expected);
});

test.each([
  ['/api/v1/pods', { kind: 'Pod' }],
  ['/api/v1/namespaces', { kind: 'Namespace' }],
  ['/api/v1/namespaces/ns', { kind: 'Namespace', name: 'ns' }],
  ['/api/v1/namespaces/ns/pods/p/status', { kind: 'Pod', namespace: 'ns', name: 'p', subresource: 'status' }],
  [
    '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1',
    { kind: 'Lease', namespace: 'kube-node-lease', name: 'n1' },
  ],
])('path %s', (path, expected) => {
  expect(JSON.parse(JSON.stringify(parsePath(path)))).toEqual(expected);
});

describe('fake API server', () => {
  async function setup(now?: () => number) {
    const fake = await FakeApiServer.start(now ? { now } : {});
    const client = new ApiClient(fake.connection);
    const close = async () => {
      await client[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
    };
    return { fake, client, [Symbol.asyncDispose]: close };
  }
  const ref = { namespace: 'ns', name: 'p' };
  const sketch = {
    metadata: ref,
    spec: { containers: [{ name: 'c', image: 'reg:5000/i', livenessProbe: { httpGet: { port: 80 } } }] },
  };

  test('fills in what the API server fills in', async () => {
    await using w = await setup();
    const pod = w.fake.objects.createPod(sketch, 'n1');
    expect(pod).toMatchObject({
      metadata: { namespace: 'ns', uid: expect.any(String), resourceVersion: expect.any(String) },
      spec: {
        nodeName: 'n1',
        restartPolicy: 'Always',
        dnsPolicy: 'ClusterFirst',
        terminationGracePeriodSeconds: 30,
        containers: [
          {
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            livenessProbe: { periodSeconds: 10, failureThreshold: 3, httpGet: { path: '/', scheme: 'HTTP' } },
          },
        ],
      },
      status: { phase: 'Pending', qosClass: 'BestEffort', conditions: [{ type: 'PodScheduled', status: 'True' }] },
    });
  });

  test('adds the service account volume on demand', async () => {
    await using w = await setup();
    const { spec } = w.fake.objects.createPod(sketch, 'n1', { token: true });
    expect(spec.containers[0]!.volumeMounts?.[0]?.name).toBe(spec.volumes?.[0]?.name);
    expect(spec.volumes?.[0]?.projected?.sources?.map((source) => Object.keys(source)[0])).toEqual([
      'serviceAccountToken',
      'configMap',
      'downwardAPI',
    ]);
  });

  test('a Pod on a node is deleted in two steps; grace only shrinks; the end needs the right UID', async () => {
    let now = Date.UTC(2026, 0, 1);
    await using w = await setup(() => now);
    const pod = w.fake.objects.createPod(sketch, 'n1');
    const meta = () => w.fake.objects.get('Pod', 'ns', 'p')?.metadata;
    await w.client.delete('Pod', ref);
    expect(meta()).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30 });
    now += 5000;
    await w.client.delete('Pod', ref, { gracePeriodSeconds: 60 });
    expect(meta()).toMatchObject({ deletionGracePeriodSeconds: 30 });
    await w.client.delete('Pod', ref, { gracePeriodSeconds: 10 });
    expect(meta()).toMatchObject({ deletionTimestamp: '2026-01-01T00:00:10Z', deletionGracePeriodSeconds: 10 });
    expect(isConflict(await failure(w.client.delete('Pod', ref, { gracePeriodSeconds: 0, uid: 'other' })))).toBe(true);
    await w.client.delete('Pod', ref, { gracePeriodSeconds: 0, uid: pod.metadata.uid });
    expect(isNotFound(await failure(w.client.get('Pod', ref)))).toBe(true);
  });

  test('finished and unscheduled Pods go at once; finalizers hold', async () => {
    await using w = await setup();
    w.fake.objects.createPod(sketch);
    await w.client.delete('Pod', ref);
    expect(w.fake.objects.get('Pod', 'ns', 'p')).toBeUndefined();
    w.fake.objects.createPod({ ...sketch, metadata: { ...ref, finalizers: ['x/y'] } }, 'n1');
    await w.client.patch('Pod', ref, 'strategic', { status: { phase: 'Succeeded' } }, { subresource: 'status' });
    await w.client.delete('Pod', ref);
    expect(w.fake.objects.get('Pod', 'ns', 'p')?.metadata).toMatchObject({ deletionGracePeriodSeconds: 0 });
    await w.client.patch('Pod', ref, 'merge', { metadata: { finalizers: null } });
    expect(w.fake.objects.get('Pod', 'ns', 'p')).toBeUndefined();
  });

  test('status and spec are changed at their own endpoints only; a write without change makes no event', async () => {
    await using w = await setup();
    w.fake.objects.createPod(sketch, 'n1');
    const both = { spec: { activeDeadlineSeconds: 5 }, status: { phase: 'Running' } };
    expect(await w.client.patch('Pod', ref, 'merge', both)).toMatchObject({
      spec: { activeDeadlineSeconds: 5 },
      status: { phase: 'Pending' },
    });
    const after = await w.client.patch(
      'Pod',
      ref,
      'merge',
      { ...both, spec: { activeDeadlineSeconds: 4 } },
      { subresource: 'status' },
    );
    expect(after).toMatchObject({
      spec: { activeDeadlineSeconds: 5 },
      status: { phase: 'Running', qosClass: 'BestEffort' },
    });
    const again = await w.client.patch(
      'Pod',
      ref,
      'strategic',
      { status: { phase: 'Running' } },
      { subresource: 'status' },
    );
    expect(again.metadata?.resourceVersion).toBe(after.metadata?.resourceVersion);
  });

  test('a watch sees objects come and go as they begin and cease to match', async () => {
    await using w = await setup();
    const log: string[] = [];
    const abort = new AbortController();
    const watching = w.client.watch('Pod', {
      fieldSelector: 'spec.nodeName=n1',
      signal: abort.signal,
      onEvent: ({ type, object }) => log.push(`${type} ${object.status?.phase}`),
    });
    await until(() => w.fake.watches === 1);
    w.fake.objects.createPod(sketch);
    await w.client.createSub('Pod', ref, 'binding', { target: { name: 'n1' } });
    expect(isConflict(await failure(w.client.createSub('Pod', ref, 'binding', { target: { name: 'n2' } })))).toBe(true);
    await w.client.createSub('Pod', ref, 'eviction', { metadata: ref });
    w.fake.objects.deletePod('ns', 'p', 0);
    await until(() => log.length === 3);
    expect(log).toEqual(['ADDED Pending', 'MODIFIED Pending', 'DELETED Pending']);
    abort.abort();
    await failure(watching);
  });

  test('an answer can be lost after the write was done', async () => {
    await using w = await setup();
    w.fake.fail({ verb: 'create', kind: 'ConfigMap', loseAnswer: true, times: 1 });
    const lost = w.client.create('ConfigMap', { metadata: { name: 'c', namespace: 'ns' } });
    expect(await failure(lost)).toMatchObject({ code: 'ApiUnreachable' });
    expect(w.fake.objects.get('ConfigMap', 'ns', 'c')).toBeDefined();
  });

  test('faults: latency, status a few times, taken away when disposed', async () => {
    await using w = await setup();
    const slow = w.fake.fail({ verb: 'list', kind: 'Node', latencyMs: 40 });
    const started = performance.now();
    await w.client.list('Node');
    expect(performance.now() - started).toBeGreaterThanOrEqual(38);
    slow[Symbol.dispose]();
    w.fake.fail({ kind: 'Node', times: 2, status: 503, reason: 'ServiceUnavailable' });
    expect(await failure(w.client.list('Node'))).toMatchObject({ status: 503 });
    expect(await failure(w.client.list('Node'))).toMatchObject({ status: 503 });
    expect((await w.client.list('Node')).items).toEqual([]);
  });

  test('reviews are answered by hooks', async () => {
    await using w = await setup();
    w.fake.hooks.tokenReview = (spec) => ({ authenticated: spec.token === 'good', user: { username: 'u' } });
    w.fake.hooks.subjectAccessReview = () => ({ allowed: true });
    expect((await w.client.create('TokenReview', { spec: { token: 'good' } })).status).toMatchObject({
      authenticated: true,
    });
    expect((await w.client.create('TokenReview', { spec: { token: 'bad' } })).status).toMatchObject({
      authenticated: false,
    });
    expect((await w.client.create('SubjectAccessReview', { spec: {} })).status).toEqual({ allowed: true });
  });
});
