// Pods whose node shuts down, and comes back.
import { until } from '../lib/fake/until.ts';
import type { TerminateRequest } from '../pods/facts.ts';
import { FakeNode } from './fake/fakeNode.ts';
import { fakePod } from './fake/fakePod.ts';
import { freshNode } from './fake/freshNode.ts';

const t = freshNode();

const message = 'Pod was terminated in response to imminent node shutdown.';
const request: TerminateRequest = {
  cause: 'shutdown',
  graceSeconds: 20,
  reason: 'Terminated',
  message,
  condition: { type: 'DisruptionTarget', reason: 'TerminationByKubelet', message },
};

/** All that runs is gone, as after a boot. */
function boot(): void {
  for (const { id, ready } of [...t.world.cri.world.sandboxes.values()]) if (ready) t.world.cri.killSandbox(id);
}

test('a Pod that the machine did not wait for is over after the boot, with the words of the shutdown', async () => {
  t.node.setPod(fakePod('web'));
  await until(() => t.node.isReady('uid-web'));
  // The machine goes between the stop and the status.
  t.node.beforeEffect = (_uid, action) => {
    if (action.kind === 'stopContainer') t.node.crash();
  };
  t.node.table.end('uid-web', request);
  await until(() => t.node.actions.some(({ action }) => action.kind === 'stopContainer'));
  boot();
  t.node = await new FakeNode(t.world).start();
  await until(() => t.node.status('uid-web')?.phase === 'Failed');
  expect(t.node.status('uid-web')).toMatchObject({ reason: 'Terminated', message });
  const target = t.node.status('uid-web')?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  expect(target).toMatchObject({ status: 'True', reason: 'TerminationByKubelet', message });
});

test('a static Pod runs again after the boot, for its manifest wants it', async () => {
  t.node.setStaticPod(fakePod('proxy'));
  t.node.showMirror('uid-proxy');
  await until(() => t.node.isReady('uid-proxy'));
  t.node.table.end('uid-proxy', request);
  await until(() => t.node.status('uid-proxy')?.phase === 'Failed');
  expect(t.node.status('uid-proxy')?.reason).toBe('Terminated');
  t.node.crash();
  boot();
  t.node = await new FakeNode(t.world).start();
  t.node.showMirror('uid-proxy');
  await until(() => t.node.isReady('uid-proxy'));
  const { phase, reason, conditions } = t.node.status('uid-proxy')!;
  expect([phase, reason]).toEqual(['Running', undefined]);
  expect(conditions?.find(({ type }) => type === 'DisruptionTarget')?.status).not.toBe('True');
});
