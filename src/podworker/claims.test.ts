// A Pod with a claim: what holds it back is told, and it starts as soon as the last object is there.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeObject } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

/** Moves by a millisecond for each object: an attempt that is made again is made for what has come, not for a back-off of 500 ms. */
let clock: ManualClock;
const t = freshNode((world) => {
  clock = new ManualClock();
  return new FakeNode(world, clock);
});

let version = 0;
const put = (kind: string, namespace: string, name: string, content: object) => {
  clock.advance(1);
  const metadata = { name, namespace, uid: `uid-${name}`, resourceVersion: String(++version) };
  t.node.setObject(`${kind} ${namespace}/${name}`, { metadata, ...content } as FakeObject);
};
const putClaim = (phase: string, volumeName?: string) =>
  put('PersistentVolumeClaim', 'default', 'claim', { spec: { volumeName }, status: { phase } });
const putVolume = (spec: object, annotations = {}) => {
  clock.advance(1);
  t.node.setObject('PersistentVolume /pv', {
    metadata: { name: 'pv', annotations, resourceVersion: String(++version) },
    spec: { claimRef: { uid: 'uid-claim' }, ...spec },
  } as FakeObject);
};

const claiming = (container: object, spec: object = {}) =>
  fakePod('web', {
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'claim' } }],
    containers: [{ name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', ...container }],
    ...spec,
  });
const mounting = { volumeMounts: [{ name: 'data', mountPath: '/data' }] };
const reasons = () => t.node.workers.get('uid-web')?.last?.decision.reasons ?? [];
const waitsFor = (text: string) =>
  until(() => reasons().some((r) => r.code === 'VolumeFailed' && r.message.includes(text)));
const created = () => t.world.cri.callsTo('CreateContainer')[0]?.request as { config: Record<string, unknown> };

test('each object on the way is waited for, and the next attempt is made when it comes, without back-off', async () => {
  t.node.setPod(claiming(mounting));
  await waitsFor('persistentvolumeclaims "claim" not found');
  putClaim('Pending');
  await waitsFor('PVC is not bound');
  putClaim('Bound', 'pv');
  await waitsFor('persistentvolumes "pv" not found');
  putVolume({ hostPath: { path: '/somewhere' } });
  await until(() => t.node.isReady('uid-web'));
  expect(created().config).toMatchObject({ mounts: [{ hostPath: '/somewhere', containerPath: '/data' }, {}] });
  const said = t.node.events.filter(({ reason }) => reason === 'FailedMount').map(({ message }) => message);
  expect(said).toEqual(
    [
      ...['failed to fetch PVC from API server: persistentvolumeclaims "claim" not found', 'PVC is not bound'],
      'failed to fetch PV pv from API server: persistentvolumes "pv" not found',
    ].map(
      (why) =>
        `Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: error processing PVC default/claim: ${why}`,
    ),
  );
});

test('the group that the volume asks for is given to the container’s processes, unless they have it', async () => {
  putClaim('Bound', 'pv');
  putVolume({ hostPath: { path: '/somewhere' } }, { 'pv.beta.kubernetes.io/gid': '4711' });
  t.node.setPod(claiming(mounting, { securityContext: { fsGroup: 1, supplementalGroups: [2] } }));
  await until(() => t.node.isReady('uid-web'));
  expect(created().config).toMatchObject({
    linux: { securityContext: { supplementalGroups: ['1', '2', '4711'] } },
  });
});

test('a read-only claim is read-only in the container', async () => {
  putClaim('Bound', 'pv');
  putVolume({ hostPath: { path: '/somewhere' } });
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'claim', readOnly: true } }];
  t.node.setPod(claiming(mounting, { volumes }));
  await until(() => t.node.isReady('uid-web'));
  expect(created().config).toMatchObject({ mounts: [{ readonly: true }, {}] });
});

test('a device that is none: the Event has the reason and the words of block volumes', async () => {
  const path = join(t.world.root, 'disk');
  mkdirSync(path);
  putClaim('Bound', 'pv');
  putVolume({ local: { path }, volumeMode: 'Block' });
  t.node.setPod(claiming({ volumeDevices: [{ name: 'data', devicePath: '/dev/x' }] }));
  await until(() => t.node.events.some(({ reason }) => reason === 'FailedMapVolume'));
  const event = t.node.events.find(({ reason }) => reason === 'FailedMapVolume');
  expect(event?.message).toBe(`MapVolume.MapBlockVolume failed for volume "pv" : ${path} is not a block device`);
});

test('a claim that another volume type cannot be is refused, and the Pod can be deleted', async () => {
  putClaim('Bound', 'pv');
  putVolume({ rbd: { image: 'x' } });
  t.node.setPod(claiming(mounting));
  await waitsFor('no volume plugin matched');
  t.node.deletePod('uid-web', 1);
  await until(() => t.world.deleted.includes('uid-web'));
});
