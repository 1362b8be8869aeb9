// Files of the node itself that Pods are made from: while one cannot be read nothing is made without it.
import { until } from '../lib/fake/until.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

const isReady = (uid: string) => t.node.isReady(uid);
const tries = (kind: string) => t.node.actions.filter(({ action }) => action.kind === kind).length;

test.each([
  ['ClusterFirst', { dnsPolicy: 'ClusterFirst' }],
  ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['1.1.1.1'] } }],
  ["the node's network", { dnsPolicy: 'ClusterFirst', hostNetwork: true }],
] as const)('a missing resolv.conf: an event, retries, a start when it is there (%s)', async (_name, spec) => {
  const unreadable = 'open /etc/resolv.conf: no such file or directory';
  const resolvConf = t.world.resolvConf;
  t.world.resolvConf = { unreadable };
  t.node.setPod(fakePod('web', spec));
  await until(() => tries('createSandbox') >= 2);
  expect(t.node.events).toContainEqual(
    expect.objectContaining({
      type: 'Warning',
      reason: 'FailedCreatePodSandBox',
      message: `Failed to create pod sandbox: ${unreadable}`,
    }),
  );
  expect(t.world.cri.callsTo('RunPodSandbox')).toHaveLength(0);
  t.world.resolvConf = resolvConf;
  await until(() => isReady('uid-web'));
});

test('no resolv.conf at all is an answer, not a failure', async () => {
  t.world.resolvConf = null;
  t.node.setPod(fakePod('web', { dnsPolicy: 'Default' }));
  await until(() => isReady('uid-web'));
  expect(t.world.cri.callsTo('RunPodSandbox')[0]?.request).toMatchObject({
    config: { dnsConfig: { servers: ['127.0.0.1'], searches: ['.'] } },
  });
});

test("an unreadable hosts file holds containers on the node's network, until it can be read", async () => {
  const hostsFile = t.world.hostsFile;
  t.world.hostsFile = () => Promise.reject(new Error('open /etc/hosts: permission denied'));
  t.node.setPod(fakePod('web', { hostNetwork: true }));
  t.node.setPod(fakePod('other'));
  const waiting = () => t.node.status('uid-web')?.containerStatuses?.[0]?.state?.waiting;
  await until(() => waiting()?.reason === 'CreateContainerConfigError' && isReady('uid-other'));
  expect(waiting()?.message).toBe('open /etc/hosts: permission denied');
  t.world.hostsFile = hostsFile;
  await until(() => isReady('uid-web'));
});

test('a name too long for a log directory: the sandbox cannot be made, and the Pod can be deleted', async () => {
  const pod = fakePod(`c${'n'.repeat(252)}`, {}, { uid: 'uid-long' });
  t.node.setPod(pod);
  await until(() => t.node.events.some(({ reason }) => reason === 'FailedCreatePodSandBox'));
  const event = t.node.events.find(({ reason }) => reason === 'FailedCreatePodSandBox');
  expect(event?.message).toMatch(/^Failed to create pod sandbox: mkdir \/.*: file name too long$/);
  expect(t.node.status('uid-long')?.phase).toBe('Pending');
  t.node.deletePod('uid-long', 1);
  await until(() => t.world.deleted.includes('uid-long'));
});
