// A resize of a running Pod (KEP-1287) is refused, and nothing of it happens by and by.
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import type { Pod } from '../types/k8s.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

let clock: ManualClock;
const t = freshNode((world) => {
  clock = new ManualClock(Date.now());
  return new FakeNode(world, clock);
});

const podOf = (cpu: string, generation: number): Pod => {
  const resources = { requests: { cpu }, limits: { cpu } };
  const containers = [{ name: 'main', image: 'busybox', imagePullPolicy: 'IfNotPresent', resources }];
  return fakePod('web', { containers }, { generation });
};
/** Quotas of the containers that were made, in thousandths of a core. */
const quotas = () =>
  t.world.cri.callsTo('CreateContainer').map(({ request }) => {
    const { config } = request as { config: { linux: { resources: { cpuQuota: string } } } };
    return Number(config.linux.resources.cpuQuota) / 100;
  });
const status = () => t.node.status('uid-web');
const pending = () => status()?.conditions?.find(({ type }) => type === 'PodResizePending');
const shown = () => status()?.containerStatuses?.[0];
const events = () => t.node.events.filter(({ reason }) => reason === 'ResizeInfeasible');
const later = (condition: () => boolean) =>
  until(() => {
    if (condition()) return true;
    clock.advance(1000);
    return false;
  });

async function resized(): Promise<void> {
  t.node.setPod(podOf('500m', 1));
  await later(() => t.node.isReady('uid-web'));
  t.node.setPod(podOf('700m', 2));
  await later(() => pending() !== undefined);
}

const refused = {
  status: 'True',
  reason: 'Infeasible',
  message: 'In-place resize of Pods is not supported by kubelet-ts on this node',
  observedGeneration: 2,
};

test('says so, and its status shows what the container has', async () => {
  await resized();
  expect(pending()).toMatchObject(refused);
  expect(status()?.conditions?.map(({ type }) => type)).not.toContain('PodResizeInProgress');
  expect(shown()?.allocatedResources).toEqual({ cpu: '500m' });
  expect(shown()?.resources).toEqual({ requests: { cpu: '500m' }, limits: { cpu: '500m' } });
  expect(events()).toMatchObject([{ type: 'Warning', message: expect.stringContaining('"cpu":"700m"') }]);
});

test('a container that restarts has what it had', async () => {
  await resized();
  t.world.cri.exitContainer(t.world.cri.containersNamed('main')[0]!.id, 1);
  await later(() => quotas().length === 2);
  expect(quotas()).toEqual([500, 500]);
});

test('is over when the Pod asks for what it has', async () => {
  await resized();
  t.node.setPod(podOf('0.5', 3));
  await later(() => pending() === undefined);
  expect(shown()?.allocatedResources).toEqual({ cpu: '0.5' });
});

test('over a restart of the agent it is still refused, told once, and counted as it was', async () => {
  await resized();
  const accepted = t.world.accepted.get('uid-web')!;
  t.node[Symbol.dispose]();
  t.world.pods.set('uid-web', { ...podOf('700m', 2), status: accepted });
  t.node = await new FakeNode(t.world, clock).start();
  await later(() => t.node.isReady('uid-web'));
  t.world.cri.exitContainer(t.world.cri.containersNamed('main')[0]!.id, 1);
  await later(() => quotas().length === 2);
  expect(quotas()).toEqual([500, 500]);
  expect(pending()).toMatchObject(refused);
  expect(shown()?.allocatedResources).toEqual({ cpu: '500m' });
  expect(events()).toEqual([]);
  expect(t.node.ledger.snapshot().admitted.map(({ requests }) => requests.cpu)).toEqual([500n]);
});

test('what was asked while no agent ran is refused as well', async () => {
  t.node.setPod(podOf('500m', 1));
  await later(() => t.node.isReady('uid-web') && shown()?.resources !== undefined);
  const accepted = t.world.accepted.get('uid-web')!;
  t.node[Symbol.dispose]();
  t.world.pods.set('uid-web', { ...podOf('700m', 2), status: accepted });
  t.node = await new FakeNode(t.world, clock).start();
  await later(() => pending() !== undefined);
  expect(pending()).toMatchObject(refused);
  expect(shown()?.resources?.limits).toEqual({ cpu: '500m' });
  await later(() => events().length > 0);
  expect(events()).toHaveLength(1);
});
