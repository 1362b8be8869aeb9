import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredPod, Volume } from '../../types/k8s.ts';
import { base64, podWith, VolumeNode } from '../testing/fixtures.ts';

let node: VolumeNode;
beforeEach(() => {
  node = new VolumeNode();
});
afterEach(() => node[Symbol.dispose]());

describe('projected', () => {
  const projected = (sources: NonNullable<Volume['projected']>['sources']): Volume => ({
    name: 'v',
    projected: { defaultMode: 0o644, sources: sources! },
  });
  const tokenSource = { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } };

  test('joins its sources; the later one wins', async () => {
    node.put('ConfigMap', 'cm', { data: { 'ca.crt': 'CA', name: 'from config' } });
    node.put('Secret', 's', { data: { p: base64('x') } });
    const mounted = await node.mount(
      projected([
        { configMap: { name: 'cm' } },
        { secret: { name: 's', items: [{ key: 'p', path: 'deep/p', mode: 0o400 }] } },
        tokenSource,
        { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } },
      ]),
    );
    const read = (name: string) => readFileSync(join(mounted.hostPath, name), 'utf8');
    expect([read('ca.crt'), read('deep/p'), read('token'), read('name')]).toEqual(['CA', 'x', 'token-for-api', 'web']);
    expect(statSync(join(mounted.hostPath, 'deep/p')).mode & 0o777).toBe(0o400);
    expect(mounted).toMatchObject({ refreshAt: 1234, tmpfs: true });
  });

  test('of several tokens the first that is due says when the volume is renewed', async () => {
    const due: Record<string, number> = { late: 9000, soon: 1000, later: 5000 };
    node.token = async ({ audiences: [audience = ''] }) => ({
      token: audience,
      expiresAt: 9999,
      refreshAt: due[audience]!,
    });
    const token = (audience: string) => ({ serviceAccountToken: { path: audience, audience } });
    const mounted = await node.mount(projected([token('late'), token('soon'), token('later')]));
    expect(mounted).toMatchObject({ refreshAt: 1000 });
  });

  test('a source that this version does not know fails the volume', async () => {
    const sources = [tokenSource, { dream: {} } as never];
    await expect(node.mount(projected(sources))).rejects.toMatchObject({
      message: 'MountVolume.SetUp failed for volume "v" : projected source "dream" is not yet supported by kubelet-ts',
    });
    await expect(node.mount(projected([{}]))).resolves.toMatchObject({ name: 'v' });
  });

  const projections = [
    { clusterTrustBundle: { name: 'roots', path: 'ca.pem' } },
    {
      podCertificate: {
        ...{ keyType: 'ED25519', signerName: 'example.com/s' },
        ...{ credentialBundlePath: 'both.pem', keyPath: 'key.pem', certificateChainPath: 'chain.pem' },
      },
    },
  ];

  test('trust anchors, and a certificate for the Pod with its key; renewed when the first of all is due', async () => {
    Object.assign(node.context, {
      trustAnchors: ({ name }: { name: string }) => Buffer.from(`anchors of ${name}`),
      certificate: async ({ index }: { index: number }) => ({ key: 'KEY;', chain: `CHAIN ${index}`, refreshAt: 1000 }),
    });
    const mounted = await node.mount(projected([...projections, tokenSource]));
    const read = (name: string) => readFileSync(join(mounted.hostPath, name), 'utf8');
    expect(['ca.pem', 'both.pem', 'key.pem', 'chain.pem'].map(read)).toEqual([
      ...['anchors of roots', 'KEY;CHAIN 1', 'KEY;', 'CHAIN 1'],
    ]);
    expect(mounted.refreshAt).toBe(1000);
    const pod = podWith([projected(projections)]);
    expect(node.manager.needs(pod, node.context.objects)).toEqual([
      { kind: 'ClusterTrustBundle', namespace: '', name: 'name roots', optional: true, volume: 'v' },
      { kind: 'PodCertificate', namespace: '', name: 'uid-1/v/1', optional: true, volume: 'v' },
    ]);
  });

  test('who does not want the volume any more does not wait for a certificate', async () => {
    const asked = Promise.withResolvers<void>();
    const certificate = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    Object.assign(node.context, { certificate });
    const call = new AbortController();
    const volume = projected(projections);
    const mounting = node.manager.mount(podWith([volume]), volume, node.context, call.signal);
    await asked.promise;
    call.abort();
    await expect(mounting).rejects.toThrow('aborted');
  });

  test('without their gates, and without an API server, both are refused in kubelet’s words', async () => {
    await expect(node.mount(projected(projections))).rejects.toThrow(
      '[ClusterTrustBundle projection is not supported in static kubelet mode, unimplemented]',
    );
  });

  test('names everything that is missing in one message', async () => {
    node.token = async () => Promise.reject(new Error('serviceaccounts "robot" not found'));
    const error = await node
      .mount(projected([{ configMap: { name: 'a' } }, { secret: { name: 'b' } }, tokenSource]))
      .catch((e) => e);
    expect(error.message).toBe(
      'MountVolume.SetUp failed for volume "v" : [configmap "a" not found, secret "b" not found, serviceaccounts "robot" not found]',
    );
  });

  const self = process.getuid!();
  test.each<[string, Partial<StoredPod['spec']>, number]>([
    ['nobody in particular: the default mode', {}, 0o644],
    ['one user for all: 0600', { securityContext: { runAsUser: self } }, 0o600],
    ['a group: 0600 and its read bit', { securityContext: { fsGroup: process.getgid!() } }, 0o640],
    [
      'different users: the default mode',
      { containers: [1, 2].map((n) => ({ name: `c${n}`, image: 'i', securityContext: { runAsUser: n } })) },
      0o644,
    ],
  ])('token for %s', async (_, spec, mode) => {
    const mounted = await node.mount(projected([tokenSource]), spec);
    expect(statSync(join(mounted.hostPath, 'token')).mode & 0o777).toBe(mode);
  });

  test('an aborted token request is an abort, not a failed mount', async () => {
    const controller = new AbortController();
    node.token = (_, abort) =>
      new Promise((_resolve, reject) => abort.addEventListener('abort', () => reject(abort.reason)));
    const volume = projected([tokenSource]);
    const pending = node.manager.mount(podWith([volume]), volume, node.context, controller.signal);
    controller.abort();
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' });
    expect(node.mounter.calls).toEqual([]);
  });

  test('needs lists what to watch', () => {
    const volume = projected([{ configMap: { name: 'a', optional: true } }, { secret: { name: 'b' } }, tokenSource]);
    expect(
      node.manager.needs(
        podWith([volume, { name: 'w', configMap: { name: 'cm' } }, { name: 'e', emptyDir: {} }]),
        node.context.objects,
      ),
    ).toEqual([
      { kind: 'ConfigMap', namespace: 'shop', name: 'a', optional: true, volume: 'v' },
      { kind: 'Secret', namespace: 'shop', name: 'b', optional: false, volume: 'v' },
      { kind: 'ServiceAccountToken', namespace: 'shop', name: 'robot', optional: false, volume: 'v' },
      { kind: 'ConfigMap', namespace: 'shop', name: 'cm', optional: false, volume: 'w' },
    ]);
  });
});
