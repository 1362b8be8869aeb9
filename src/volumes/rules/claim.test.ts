import type { PersistentVolume, PersistentVolumeClaim, StoredPod, Volume } from '../../types/k8s.ts';
import type { Lookup, ObjectLookup } from '../contract.ts';
import { claimName, claimReferences, resolveClaim, sizeToReach } from './claim.ts';

const pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'pod-uid' },
  spec: { containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] },
} as unknown as StoredPod;
const volume: Volume = { name: 'v', persistentVolumeClaim: { claimName: 'data' } };
const ephemeral: Volume = { name: 'v', ephemeral: {} };

const claim = (change: Partial<PersistentVolumeClaim> = {}, name = 'data'): PersistentVolumeClaim => ({
  metadata: { name, namespace: 'shop', uid: 'claim-uid' },
  spec: { volumeName: 'pv' },
  status: { phase: 'Bound' },
  ...change,
});
const pv = (spec: object = {}): PersistentVolume => ({
  metadata: { name: 'pv' },
  spec: { claimRef: { uid: 'claim-uid' }, hostPath: { path: '/x' }, ...spec },
});

function lookup(objects: Readonly<Record<string, Lookup<object>>>): ObjectLookup {
  return {
    get: (kind: string, namespace: string, name: string) =>
      objects[`${kind} ${namespace}/${name}`] ?? { state: 'absent' },
  } as ObjectLookup;
}
const present = (object: object): Lookup<object> => ({ state: 'present', object });
const both = (c: object, v: object | undefined = pv()) =>
  lookup({
    'PersistentVolumeClaim shop/data': present(c),
    'PersistentVolumeClaim shop/web-v': present(c),
    ...(v ? { 'PersistentVolume /pv': present(v) } : {}),
  });

const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z', name: 'data', uid: 'claim-uid' };
const protection = ['kubernetes.io/pvc-protection'];

test.each([
  ['no claim', lookup({}), 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'],
  [
    'a claim that is not known',
    lookup({ 'PersistentVolumeClaim shop/data': { state: 'unknown', reason: 'the API server is away' } }),
    'failed to fetch PVC from API server: the API server is away',
  ],
  ['an unbound claim', both(claim({ status: { phase: 'Pending' } })), 'PVC is not bound'],
  ['a claim without a volume', both(claim({ spec: {} })), 'PVC has empty pvc.Spec.VolumeName'],
  ['a deleted claim that nothing protects', both(claim({ metadata: deleted })), 'PVC is being deleted'],
  [
    'no volume',
    lookup({ 'PersistentVolumeClaim shop/data': present(claim()) }),
    'failed to fetch PV pv from API server: persistentvolumes "pv" not found',
  ],
  [
    'a volume that is bound to nothing',
    both(claim(), pv({ claimRef: undefined })),
    'found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim',
  ],
  [
    'a volume that is bound to another claim',
    both(claim(), pv({ claimRef: { uid: 'other' } })),
    'found PV object pv but its pv.Spec.ClaimRef.UID other does not point to claim.UID claim-uid',
  ],
])('%s holds the Pod back, in kubelet’s words', (_name, objects, message) => {
  expect(() => resolveClaim(pod, volume, objects)).toThrow(`error processing PVC shop/data: ${message}`);
});

test('a bound claim gives its volume; a deleted one too while it is protected', () => {
  for (const metadata of [claim().metadata, { ...deleted, finalizers: protection }])
    expect(resolveClaim(pod, volume, both(claim({ metadata: metadata! })))).toMatchObject({
      name: 'pv',
      readOnly: false,
      mode: 'Filesystem',
      pv: { metadata: { name: 'pv' } },
    });
});

test('a generic ephemeral volume is the claim that was made for this very Pod', () => {
  expect(claimName(pod, ephemeral)).toBe('web-v');
  const owned = (uid: string) =>
    claim({ metadata: { name: 'web-v', uid: 'claim-uid', ownerReferences: [{ uid, controller: true } as never] } });
  expect(resolveClaim(pod, ephemeral, both(owned('pod-uid'))).name).toBe('pv');
  for (const other of [owned('another'), claim()])
    expect(() => resolveClaim(pod, ephemeral, both(other))).toThrow(
      'PVC shop/web-v was not created for pod shop/web (pod is not owner)',
    );
});

test.each([
  ['volumeMounts', 'Block', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
  ['volumeDevices', 'Filesystem', { volumeDevices: [{ name: 'v', devicePath: '/dev/v' }] }],
])('%s cannot have a volume of mode %s', (field, volumeMode, container) => {
  const user = { ...pod, spec: { containers: [{ name: 'c', image: 'i', ...container }] } } as unknown as StoredPod;
  expect(() => resolveClaim(user, volume, both(claim(), pv({ volumeMode })))).toThrow(
    `volume v has volumeMode ${volumeMode}, but is specified in ${field}`,
  );
});

test('the claim is followed alone until it names its volume', () => {
  const kinds = (objects: ObjectLookup) =>
    claimReferences(pod, volume, objects).map(({ kind, name }) => `${kind} ${name}`);
  expect(kinds(lookup({}))).toEqual(['PersistentVolumeClaim data']);
  expect(kinds(both(claim()))).toEqual(['PersistentVolumeClaim data', 'PersistentVolume pv']);
});

test.each([
  ['2Gi', '1Gi', false, '2Gi'],
  ['1Gi', '1Gi', false, undefined],
  ['1Gi', '2Gi', false, undefined],
  ['2Gi', '1Gi', true, undefined],
  [undefined, '1Gi', false, undefined],
])('a volume of %s whose claim was told %s (read-only %s) is to reach %s', (size, told, readOnly, expected) => {
  const spec = {
    name: 'pv',
    mode: 'Filesystem' as const,
    readOnly,
    pv: pv({ capacity: size === undefined ? {} : { storage: size } }),
    claim: claim({ status: { phase: 'Bound', capacity: { storage: told } } }),
  };
  const larger = (a: string, b: string) => Number.parseInt(a, 10) > Number.parseInt(b, 10);
  expect(sizeToReach(spec, larger)).toBe(expected);
});
