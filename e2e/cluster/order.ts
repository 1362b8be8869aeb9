// In which order containers start and stop: init containers, sidecars, hooks, probes.
import assert from 'node:assert/strict';
import type { Container } from '../../src/types/k8s.ts';
import { outMount, outVolume, untilWritten, writtenLines } from '../lib/files.ts';
import { condition, container, create, pod, removeAndWait, rest, shell, untilPod, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const volumeMounts = [outMount];
const say = (text: string): string => `echo '${text}' >> /out/log`;

/** Runs until SIGTERM, and writes down both its start and its stop. */
function logged(name: string, more: Partial<Container> = {}): Container {
  const script = `${say(`start ${name}`)}; trap "${say(`stop ${name}`)}; exit 0" TERM; while true; do sleep 3600 & wait $!; done`;
  return shell(name, script, { volumeMounts, ...more });
}

async function sidecars(t: TestContext): Promise<void> {
  const sidecar = (name: string): Container => logged(name, { restartPolicy: 'Always' });
  const once = (name: string): Container =>
    shell(name, `${say(`start ${name}`)}; sleep 1; ${say(`end ${name}`)}`, { volumeMounts });
  const initContainers = [once('init1'), sidecar('side1'), once('init2'), sidecar('side2')];
  await create(
    t,
    pod(t, 'sidecars', {
      terminationGracePeriodSeconds: 60,
      volumes: [outVolume(t)],
      initContainers,
      containers: [logged('main')],
    }),
  );
  const up = await untilReady(t, 'sidecars');
  await untilWritten(t, 'log', (text) => text.includes('start main'));
  // Sidecars only have to be started, not to have run their first line, before the next one starts.
  const order = writtenLines(t, 'log');
  const place = (line: string): number => order.indexOf(line);
  for (const [first, second] of [
    ['end init1', 'start side1'],
    ['end init1', 'start init2'],
    ['end init2', 'start side2'],
    ['end init2', 'start main'],
  ]) {
    assert.ok(
      place(first ?? '') >= 0 && place(first ?? '') < place(second ?? ''),
      `${first} before ${second}: ${order.join(', ')}`,
    );
  }
  assert.equal(container(up, 'init1')?.state?.terminated?.reason, 'Completed');
  assert.equal(container(up, 'side1')?.started, true);
  await removeAndWait(t, up);
  assert.deepEqual(
    writtenLines(t, 'log').filter((l) => l.startsWith('stop')),
    ['stop main', 'stop side2', 'stop side1'],
  );
}

async function failedInit(t: TestContext): Promise<void> {
  const script = 'n=$(cat /out/n 2>/dev/null || echo 0); echo $((n+1)) > /out/n; [ "$n" -ge 1 ]';
  const initContainers = [shell('flaky', script, { volumeMounts })];
  await create(t, pod(t, 'init-again', { volumes: [outVolume(t)], initContainers, containers: [shell('main', rest)] }));
  const up = await untilReady(t, 'init-again');
  assert.equal(container(up, 'flaky')?.restartCount, 1);
  assert.equal(condition(up, 'Initialized'), 'True');
}

async function hooks(t: TestContext): Promise<void> {
  const lifecycle = {
    postStart: { exec: { command: ['sh', '-c', `sleep 1; ${say('postStart')}`] } },
    preStop: { exec: { command: ['sh', '-c', `${say('preStop')}; sleep 1; ${say('preStop ended')}`] } },
  };
  const second = shell('second', `${say('start second')}; ${rest}`, { volumeMounts });
  await create(
    t,
    pod(t, 'hooks', {
      terminationGracePeriodSeconds: 60,
      volumes: [outVolume(t)],
      containers: [logged('main', { lifecycle }), second],
    }),
  );
  const up = await untilReady(t, 'hooks');
  await untilWritten(t, 'log', (text) => text.includes('start second'));
  await removeAndWait(t, up);
  const lines = writtenLines(t, 'log');
  assert.deepEqual(lines, ['start main', 'postStart', 'start second', 'preStop', 'preStop ended', 'stop main']);
}

async function failedPostStart(t: TestContext): Promise<void> {
  const lifecycle = { postStart: { exec: { command: ['sh', '-c', 'echo no; exit 7'] } } };
  await create(
    t,
    pod(t, 'bad-hook', {
      restartPolicy: 'Always',
      containers: [logged('main', { lifecycle, volumeMounts })],
      volumes: [outVolume(t)],
    }),
  );
  await untilPod(t, 'bad-hook', 'to have a failed hook', (p) => (container(p, 'main')?.restartCount ?? 0) >= 1);
  const seen = await t.lab.events.until('the event FailedPostStartHook', () =>
    t.lab.events.all(t.namespace).find((e) => e.reason === 'FailedPostStartHook'),
  );
  assert.match(seen.message ?? '', /PostStartHook failed/);
}

async function readiness(t: TestContext): Promise<void> {
  const readinessProbe = { exec: { command: ['test', '-e', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 };
  const script = `until [ -e /out/go ]; do sleep 0.1; done; touch /tmp/ready; until [ -e /out/stop ]; do sleep 0.1; done; rm /tmp/ready; ${rest}`;
  await create(
    t,
    pod(t, 'probed', {
      volumes: [outVolume(t)],
      containers: [shell('main', script, { volumeMounts, readinessProbe })],
    }),
  );
  const up = await untilPod(
    t,
    'probed',
    'to run unready',
    (p) => container(p, 'main')?.state?.running && condition(p, 'Ready') === 'False',
  );
  assert.equal(up.status?.phase, 'Running');
  await t.lab.onNode('touch', `${t.directory}/go`);
  await untilReady(t, 'probed');
  await t.lab.onNode('touch', `${t.directory}/stop`);
  const after = await untilPod(t, 'probed', 'to be unready again', (p) => condition(p, 'Ready') === 'False');
  assert.equal(container(after, 'main')?.restartCount, 0);
  const why = after.status?.conditions?.find((c) => c.type === 'Ready');
  assert.equal(why?.message, 'containers with unready status: [main]');
}

async function liveness(t: TestContext): Promise<void> {
  const livenessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, failureThreshold: 2 };
  // Serves for three seconds after its first start only.
  const script =
    'mkdir -p /www; echo hi > /www/index.html; httpd -p 8080 -h /www; [ -e /out/once ] || { touch /out/once; sleep 3; killall httpd; }; sleep 3600';
  await create(
    t,
    pod(t, 'live', {
      terminationGracePeriodSeconds: 1,
      volumes: [outVolume(t)],
      containers: [shell('main', script, { volumeMounts, livenessProbe })],
    }),
  );
  await untilPod(
    t,
    'live',
    'to be restarted',
    (p) => container(p, 'main')?.restartCount === 1 && container(p, 'main')?.state?.running,
  );
  const reasons = t.lab.events.all(t.namespace).map((e) => `${e.reason}: ${e.message}`);
  assert.ok(
    reasons.some((r) => r.startsWith('Unhealthy: Liveness probe failed: Get "http://')),
    reasons.join('\n'),
  );
  assert.ok(reasons.includes('Killing: Container main failed liveness probe, will be restarted'), reasons.join('\n'));
}

async function startup(t: TestContext): Promise<void> {
  const startupProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1, failureThreshold: 200 };
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  const script = 'until [ -e /out/go ]; do sleep 0.1; done; mkdir -p /www; httpd -f -p 8080 -h /www';
  await create(
    t,
    pod(t, 'slow', {
      volumes: [outVolume(t)],
      containers: [shell('main', script, { volumeMounts, startupProbe, readinessProbe })],
    }),
  );
  await untilPod(
    t,
    'slow',
    'to run unstarted',
    (p) => container(p, 'main')?.state?.running && container(p, 'main')?.started === false,
  );
  await t.lab.onNode('touch', `${t.directory}/go`);
  const up = await untilReady(t, 'slow');
  assert.equal(container(up, 'main')?.started, true);
  assert.equal(container(up, 'main')?.restartCount, 0);
}

export const order = group('order', [
  test('init containers and sidecars start in order and stop in reverse', sidecars),
  test('a failed init container runs again', failedInit),
  test('postStart and preStop', hooks),
  test('a failed postStart ends its container', failedPostStart),
  test('readiness probe', readiness),
  test('liveness probe restarts', liveness),
  test('startup probe', startup),
]);
