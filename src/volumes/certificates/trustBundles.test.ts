import { ApiClient } from '../../api/client.ts';
import { FakeApiServer } from '../../api/fake/server.ts';
import { pem } from '../../config/certificates/der.ts';
import { pemBlocks } from '../../k8s/pem.ts';
import { realClock } from '../../lib/clock.ts';
import { until } from '../../lib/fake/until.ts';
import { bundleKey } from './names.ts';
import { TrustBundles } from './trustBundles.ts';

const anchor = (text: string) => pem('CERTIFICATE', Buffer.from(text));

let api: FakeApiServer;
let client: ApiClient;
beforeEach(async () => {
  api = await FakeApiServer.start();
  client = new ApiClient(api.connection);
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
});

function put(name: string, trustBundle: string, more: { signerName?: string; labels?: Record<string, string> } = {}) {
  const { signerName, labels = {} } = more;
  api.objects.set('ClusterTrustBundle', {
    metadata: { name, labels },
    spec: { trustBundle, ...(signerName ? { signerName } : {}) },
  });
}

const texts = (bytes: Uint8Array) => pemBlocks(Buffer.from(bytes).toString()).map(String).sort();

async function opened(): Promise<TrustBundles> {
  const bundles = new TrustBundles(client, realClock);
  expect(() => bundles.anchors({ name: 'a', path: 'p' })).toThrow('ClusterTrustBundle informer has not yet synced');
  await until(() => bundles.version('name a') !== undefined);
  return bundles;
}

test('one bundle by name: each anchor once, in an order that stays, without what stands between', async () => {
  put('a', `comment\n${anchor('one')}${anchor('two')}${anchor('one')}`);
  using bundles = await opened();
  const anchors = bundles.anchors({ name: 'a', path: 'p' });
  expect(texts(anchors)).toEqual(['one', 'two']);
  expect(Buffer.from(anchors).toString()).not.toContain('comment');
  expect(bundles.anchors({ name: 'a', path: 'p' })).toEqual(anchors);
  expect(() => bundles.anchors({ name: 'b', path: 'p' })).toThrow(
    'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "b" not found',
  );
  expect(bundles.anchors({ name: 'b', path: 'p', optional: true })).toHaveLength(0);
  expect(() => bundles.anchors({ path: 'p' })).toThrow(
    'ClusterTrustBundle projection requires either name or signerName to be set',
  );
});

test('all bundles of a signer that a selector matches', async () => {
  put('a', anchor('one'), { signerName: 'example.com/s', labels: { set: 'live' } });
  put('b', anchor('two'), { signerName: 'example.com/s', labels: { set: 'canary' } });
  put('c', anchor('three'), { signerName: 'example.com/other' });
  using bundles = await opened();
  const of = (labelSelector?: object, optional = false) =>
    texts(
      bundles.anchors({
        signerName: 'example.com/s',
        path: 'p',
        optional,
        ...(labelSelector ? { labelSelector } : {}),
      }),
    );
  expect(of({})).toEqual(['one', 'two']);
  expect(of({ matchLabels: { set: 'live' } })).toEqual(['one']);
  expect(() => of()).toThrow('combination of signerName and labelSelector matched zero ClusterTrustBundles');
  expect(of(undefined, true)).toEqual([]);
  expect(() => of({ matchExpressions: [{ key: 'a', operator: 'Near' }] })).toThrow(
    'while parsing label selector: "Near" is not a valid label selector operator',
  );
});

test('who waits for a bundle hears of it and of its signer, and of no other', async () => {
  put('other', anchor('x'), { signerName: 'example.com/other' });
  using bundles = await opened();
  const heard: string[] = [];
  for (const source of [{ name: 'a' }, { signerName: 'example.com/s' }, { name: 'z' }, { signerName: 'example.com/z' }])
    bundles.subscribe(bundleKey(source), () => heard.push(bundleKey(source)));
  const before = bundles.version('name a');
  put('a', anchor('one'), { signerName: 'example.com/s' });
  await until(() => heard.length === 2);
  expect(heard).toEqual(['name a', 'signer example.com/s']);
  expect(bundles.version('name a')).not.toBe(before);
  api.objects.remove('ClusterTrustBundle', undefined, 'a');
  await until(() => heard.length === 4);
  expect(() => bundles.anchors({ name: 'a', path: 'p' })).toThrow('not found');
});

test('an API server that has only v1alpha1 is asked for that; one that has neither is told as kubelet does', async () => {
  const gone = { status: 404, reason: 'NotFound', message: 'the server could not find the requested resource' };
  api.faults.add({ kind: 'ClusterTrustBundle', ...gone });
  api.objects.set('ClusterTrustBundleAlpha', { metadata: { name: 'a' }, spec: { trustBundle: anchor('one') } });
  using bundles = await opened();
  expect(texts(bundles.anchors({ name: 'a', path: 'p' }))).toEqual(['one']);
  api.faults.add({ kind: 'ClusterTrustBundleAlpha', ...gone });
  using none = new TrustBundles(client, realClock);
  const look = () => none.anchors({ name: 'a', path: 'p' });
  expect(look).toThrow('not yet synced');
  let heard = 0;
  none.subscribe('name a', () => heard++);
  await until(() => heard === 2);
  expect(look).toThrow('ClusterTrustBundle projection is not supported in static kubelet mode');
});

test('what was made is kept for the next Pod, but not for any number of selectors', async () => {
  put('a', anchor('x'.repeat(800_000)), { signerName: 'example.com/s' });
  using bundles = await opened();
  const of = (value: string) =>
    bundles.anchors({
      ...{ signerName: 'example.com/s', path: 'p' },
      labelSelector: { matchExpressions: [{ key: 'set', operator: 'NotIn', values: [value] }] },
    });
  const first = of('1');
  expect(of('1')).toBe(first);
  for (const value of ['2', '3', '4', '5']) of(value);
  expect(of('1')).not.toBe(first);
});
