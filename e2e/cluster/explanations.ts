// Who can read the explanations: root on the socket; loopback only where a flag asks for it, and nobody keeps the agent down with it.
import assert from 'node:assert/strict';
import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { create, pod, removeAndWait, restingPod, shell, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

const address = '127.0.0.1:10247';
const onNodeSocket = '/var/lib/kubelet/kubelet-ts/debug.sock';

/** What a shell on the node prints, whatever its commands return. */
const script = (t: TestContext, text: string) => t.lab.onNode('bash', '-c', `{ ${text}; } 2>&1; true`);
const status = (...more: string[]) =>
  ['curl -s -m 20 -o /dev/null -w "%{http_code}"', ...more].join(' ').concat(`; echo " $?"`);
const onSocket = status(`--unix-socket ${onNodeSocket}`, 'http://localhost/debug/pods/why');
const onLoopback = (...more: string[]) => status(...more, `http://${address}/debug/pods/why`);

function assertPrivate(t: TestContext): void {
  const { mode, uid } = lstatSync(t.lab.debugSocket);
  assert.deepEqual([(mode & 0o7777).toString(8), uid], ['600', 0]);
}

async function rootAlone(t: TestContext): Promise<void> {
  assertPrivate(t);
  assert.match(await script(t, onSocket), /^200 0$/m);
  const asNobody = `setpriv --reuid=65534 --regid=65534 --clear-groups ${onSocket}`;
  assert.match(await script(t, asNobody), /^000 7$/m, 'another user cannot connect');
  assert.match(await script(t, onLoopback()), /^000 7$/m, 'nothing listens on loopback');
}

async function killedAgent(t: TestContext): Promise<void> {
  await create(t, restingPod(t, 'stays'));
  await untilReady(t, 'stays');
  const seen = Unnoticed.of(t, ['stays']);
  await stopKubelet(t.lab.cluster, 'SIGKILL');
  assertPrivate(t); // it leaves its socket behind
  assert.match(await script(t, onSocket), /^000 7$/m);
  await t.lab.startAgent();
  await waitForNodeReady(t.lab.cluster, patience);
  await waitFor('the socket to be served again', { timeout: patience }, async () =>
    /^200 0$/m.test(await script(t, onSocket)),
  );
  assertPrivate(t);
  await t.lab.untilLookedAt(t.lab.pods.all(t.namespace));
  await seen.assert('the kill');
}

/** A Pod on the node's network takes the port while the agent is away. */
async function takenPort(t: TestContext): Promise<void> {
  const holder = `mkdir -p /www; exec httpd -f -p ${address} -h /www`;
  const made = await create(t, pod(t, 'holder', { hostNetwork: true, containers: [shell('main', holder)] }));
  await untilReady(t, 'holder');
  await waitFor('the Pod to hold the port', { timeout: patience }, async () =>
    /^404 0$/m.test(await script(t, onLoopback())),
  );
  try {
    await t.lab.restartAgent({ args: [`--ts-debug-address=${address}`] });
    const log = path.join(t.lab.cluster.layout.logs, 'kubelet.log');
    await waitFor('the warning', { timeout: patience }, async () =>
      /explanations .*are not served; .*--ts-debug-address.*EADDRINUSE/.test(await readFile(log, 'utf8')),
    );
    assert.match(await script(t, onSocket), /^200 0$/m, 'the socket answers meanwhile');
    await removeAndWait(t, made);
    await waitFor('loopback to be served', { timeout: patience }, async () =>
      /^200 0$/m.test(await script(t, onLoopback())),
    );
    assert.match(await script(t, onLoopback('-H "Host: rebound.example"')), /^403 0$/m);
  } finally {
    await t.lab.restartAgent();
  }
  assert.match(await script(t, onLoopback()), /^000 7$/m);
}

/** kubectl's plug-in, from outside the node: the same words as on it, and one sentence for who may not ask. */
async function fromOutside(t: TestContext): Promise<void> {
  const waits = { containers: [shell('main', 'sleep 1000', { readinessProbe: { exec: { command: ['false'] } } })] };
  await create(t, pod(t, 'waits', waits));
  await waitFor('the Pod to run', { timeout: patience }, async () => {
    return t.lab.pods.get(t.namespace, 'waits')?.status?.phase === 'Running';
  });
  await expectWait(t, 'waits', 'ReadinessProbe', /readiness probe/);
  const plugin = (verb: 'why' | 'timeline', ...args: string[]) => t.lab.kubectlPlugin(verb, '-n', t.namespace, ...args);
  const why = await plugin('why', 'waits');
  assert.deepEqual([why.code, why.stderr], [0, '']);
  assert.match(why.stdout, /readiness probe/);
  const timeline = await plugin('timeline', 'waits', '-o', 'json');
  assert.equal(JSON.parse(timeline.stdout).name, 'waits');
  const all = await t.lab.kubectlPlugin('why');
  assert.match(all.stdout, new RegExp(`${t.namespace}/waits`));
  const stranger = await plugin('why', 'waits', '--as=somebody', '--as-group=system:authenticated');
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /kubectl why: .*[Ff]orbidden.*cannot get resource "pods"/);
}

export const explanations = group('explanations', [
  test('kubectl why and kubectl timeline give them through the API server', fromOutside),
  test('root alone reads them, on a socket', rootAlone, { mode: 'alone' }),
  test('the socket that a killed agent left is replaced', killedAgent, { mode: 'alone' }),
  test('a Pod that takes the port does not keep the agent down', takenPort, { mode: 'alone' }),
]);
