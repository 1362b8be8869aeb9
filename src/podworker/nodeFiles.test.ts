// Files of the node itself that Pods are made from: while one cannot be read nothing is made without it.
import { until } from '../lib/fake/until.ts';
import { FakeNode, type FakeWorld, fakePod, fakeWorld } from './fake/fakeNode.ts';

let world: FakeWorld;
let node: FakeNode;

beforeEach(async () => {
  world = await fakeWorld();
  node = await new FakeNode(world).start();
});
afterEach(async () => {
  node[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
});

const isReady = (uid: string) => node.status(uid)?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
const tries = (kind: string) => node.actions.filter(({ action }) => action.kind === kind).length;

test.each([
  ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }],
  ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'] } }],
  ["the node's network", { dnsPolicy: 'ClusterFirst', hostNetwork: true }],
] as const)('a missing resolv.conf: an event, retries, a start when it is there (%s)', async (_name, spec) => {
  const unreadable = 'open /etc/resolv.conf: no such file or directory';
  const resolvConf = world.resolvConf;
  world.resolvConf = { unreadable };
  node.setPod(fakePod('web', spec));
  await until(() => tries('createSandbox') >= 2);
  expect(node.events).toContainEqual(
    expect.objectContaining({
      type: 'Warning',
      reason: 'FailedCreatePodSandBox',
      message: `Failed to create pod sandbox: ${unreadable}`,
    }),
  );
  expect(world.cri.callsTo('RunPodSandbox')).toHaveLength(0);
  world.resolvConf = resolvConf;
  await until(() => isReady('uid-web'));
});

test('no resolv.conf at all is an answer, not a failure', async () => {
  world.resolvConf = null;
  node.setPod(fakePod('web', { dnsPolicy: 'Default' }));
  await until(() => isReady('uid-web'));
  expect(world.cri.callsTo('RunPodSandbox')[0]?.request).toMatchObject({
    config: { dnsConfig: { servers: ['127.0.0.1'], searches: ['.'] } },
  });
});

test("an unreadable hosts file holds containers on the node's network, until it can be read", async () => {
  const hostsFile = world.hostsFile;
  world.hostsFile = () => Promise.reject(new Error('open /etc/hosts: permission denied'));
  node.setPod(fakePod('web', { hostNetwork: true }));
  node.setPod(fakePod('other'));
  const waiting = () => node.status('uid-web')?.containerStatuses?.[0]?.state?.waiting;
  await until(() => waiting()?.reason === 'CreateContainerConfigError' && isReady('uid-other'));
  expect(waiting()?.message).toBe('open /etc/hosts: permission denied');
  world.hostsFile = hostsFile;
  await until(() => isReady('uid-web'));
});
