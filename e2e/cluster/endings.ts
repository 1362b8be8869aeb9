// How containers and Pods end, restart and are deleted.
import assert from 'node:assert/strict';
import { waitFor } from '../../hack/lib/wait.ts';
import type { ContainerStatus, Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { outMount, outVolume, untilWritten, writtenLines } from '../lib/files.ts';
import { untilNothingLeft } from '../lib/leftovers.ts';
import {
  condition,
  container,
  create,
  pod,
  removeAndWait,
  rest,
  restingPod,
  shell,
  untilPhase,
  untilPod,
  untilReady,
} from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

/** Seconds between an end and the start after it, by restart count, from the statuses that the API got. */
function restartDelays(t: TestContext, of: Pod): number[] {
  const delays: number[] = [];
  for (const { object } of t.lab.pods.history(of.metadata?.uid ?? '')) {
    const status = container(object, 'main');
    const started = status?.state?.running?.startedAt ?? status?.state?.terminated?.startedAt;
    const ended = status?.lastState?.terminated?.finishedAt;
    if (status && started && ended && status.restartCount > 0)
      delays[status.restartCount - 1] ??= (Date.parse(started) - Date.parse(ended)) / 1000;
  }
  return delays;
}

async function crashLoop(t: TestContext): Promise<void> {
  const made = await create(t, pod(t, 'crash', { containers: [shell('main', 'sleep 1; exit 3')] }));
  const restarts = (p: Pod): number => container(p, 'main')?.restartCount ?? 0;
  const last = await untilPod(t, 'crash', 'to be restarted 4 times', (p) => restarts(p) >= 4);
  assert.equal(container(last, 'main')?.lastState?.terminated?.exitCode, 3);
  const delays = restartDelays(t, made);
  t.note(`delays ${delays.join(', ')} s`);
  // Statuses show whole seconds: a delay reads up to 1 s shorter or longer than it was. To it comes what the machine needs to
  // start a container just now; what must not be is the next delay.
  for (const [index, least] of [10, 20, 40].entries()) {
    const delay = delays[index + 1];
    assert.ok(delay !== undefined, `no status showed restart ${index + 2}`);
    const most = 2 * least - 1;
    assert.ok(
      delay >= least - 1 && delay <= most,
      `restart ${index + 2} after ${delay} s, expected ${least} to ${most} s`,
    );
  }
  const states = t.lab.pods.history(made.metadata?.uid ?? '').map(({ object }) => container(object, 'main'));
  const early = states.find((c) => c?.restartCount === 0 && c.state?.waiting?.reason === 'CrashLoopBackOff');
  assert.equal(early, undefined, 'the first restart knows no back-off');
  const waiting = t.lab.pods
    .history(made.metadata?.uid ?? '')
    .map(({ object }) => container(object, 'main')?.state?.waiting);
  const said = waiting.filter((w) => w?.reason === 'CrashLoopBackOff').map((w) => w?.message);
  const text = (s: number): string =>
    `back-off ${s}s restarting failed container=main pod=crash_${t.namespace}(${made.metadata?.uid})`;
  assert.deepEqual([...new Set(said)].slice(0, 3), [text(10), text(20), text(40)]);
  // Of the dead containers the last one is kept, for `logs --previous`.
  const labelSelector = { 'io.kubernetes.pod.uid': made.metadata?.uid ?? '' };
  const dead = async () =>
    (await t.lab.cri.listContainers({ labelSelector })).filter((c) => c.state === 'CONTAINER_EXITED').length;
  await waitFor(
    'dead containers but the last one to be removed',
    { timeout: patience },
    async () => (await dead()) <= 1,
  );
}

async function kubectlDelete(t: TestContext): Promise<void> {
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/configmaps`, { metadata: { name: 'c' }, data: { a: 'b' } });
  const volumes = [
    { name: 'e', emptyDir: {} },
    { name: 'm', emptyDir: { medium: 'Memory' } },
    { name: 'c', configMap: { name: 'c' } },
  ];
  const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/${name}` }));
  await create(t, pod(t, 'gone', { volumes, containers: ['a', 'b'].map((n) => shell(n, rest, { volumeMounts })) }));
  const { metadata } = await untilReady(t, 'gone');
  const start = performance.now();
  const { code, stderr } = await t.lab.kubectl('delete', 'pod', 'gone', '-n', t.namespace);
  assert.equal(code, 0, stderr);
  assert.equal(await t.lab.api.find(`/api/v1/namespaces/${t.namespace}/pods/gone`), undefined);
  t.note(`kubectl delete took ${((performance.now() - start) / 1000).toFixed(1)} s`);
  await untilNothingLeft(t.lab, metadata?.uid ?? '', 90_000);
}

async function forcedDelete(t: TestContext): Promise<void> {
  await create(t, restingPod(t, 'forced', { terminationGracePeriodSeconds: 600 }));
  const { metadata } = await untilReady(t, 'forced');
  const { code, stderr } = await t.lab.kubectl(
    'delete',
    'pod',
    'forced',
    '-n',
    t.namespace,
    '--grace-period=0',
    '--force',
  );
  assert.equal(code, 0, stderr);
  await untilNothingLeft(t.lab, metadata?.uid ?? '', 90_000);
}

async function graceIsKept(t: TestContext): Promise<void> {
  // Ignores SIGTERM: only the end of the grace period ends it.
  const stubborn = shell(
    'main',
    "trap 'echo term >> /out/log' TERM; echo up >> /out/log; while true; do sleep 0.2; done",
    {
      volumeMounts: [outMount],
    },
  );
  await create(
    t,
    pod(t, 'stubborn', { terminationGracePeriodSeconds: 4, volumes: [outVolume(t)], containers: [stubborn] }),
  );
  const up = await untilReady(t, 'stubborn');
  await untilWritten(t, 'log');
  const start = performance.now();
  await removeAndWait(t, up);
  const took = (performance.now() - start) / 1000;
  assert.ok(took >= 3.9, `killed after ${took} s, before its 4 s of grace were over`);
  assert.deepEqual(writtenLines(t, 'log'), ['up', 'term']);
}

async function deadline(t: TestContext): Promise<void> {
  await create(t, restingPod(t, 'deadline', { activeDeadlineSeconds: 4 }));
  const { status } = await untilPhase(t, 'deadline', 'Failed');
  assert.equal(status?.reason, 'DeadlineExceeded');
  assert.equal(status?.message, 'Pod was active on the node longer than the specified deadline');
}

async function terminationMessages(t: TestContext): Promise<void> {
  const containers = [
    shell('file', 'printf "from the file" > /tmp/why; exit 4', { terminationMessagePath: '/tmp/why' }),
    shell('logs', 'echo one; echo two; exit 5', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
    shell('quiet', 'echo unseen; exit 0', { terminationMessagePolicy: 'FallbackToLogsOnError' }),
  ];
  await create(t, pod(t, 'messages', { restartPolicy: 'Never', containers }));
  const done = await untilPhase(t, 'messages', 'Failed');
  const ended = (name: string): ContainerStatus['state'] => container(done, name)?.state;
  assert.equal(ended('file')?.terminated?.message, 'from the file');
  assert.equal(ended('logs')?.terminated?.message, 'one\ntwo\n');
  assert.equal(ended('quiet')?.terminated?.message, undefined);
  assert.deepEqual(
    ['file', 'logs', 'quiet'].map((n) => ended(n)?.terminated?.exitCode),
    [4, 5, 0],
  );
  assert.deepEqual(
    ['file', 'logs', 'quiet'].map((n) => ended(n)?.terminated?.reason),
    ['Error', 'Error', 'Completed'],
  );
}

async function onFailure(t: TestContext): Promise<void> {
  const script = 'n=$(cat /out/n 2>/dev/null || echo 0); echo $((n+1)) > /out/n; [ "$n" -ge 1 ]';
  const main = shell('main', script, { volumeMounts: [outMount] });
  await create(t, pod(t, 'second', { restartPolicy: 'OnFailure', volumes: [outVolume(t)], containers: [main] }));
  const done = await untilPhase(t, 'second', 'Succeeded');
  assert.equal(container(done, 'main')?.restartCount, 1);
}

/** The sandbox's process dies while its containers run: everything starts again in a new sandbox. */
async function lostSandbox(t: TestContext): Promise<void> {
  await create(t, restingPod(t, 'lost'));
  const up = await untilReady(t, 'lost');
  const uid = up.metadata?.uid ?? '';
  const sandboxes = () => t.lab.cri.listPodSandbox({ labelSelector: { 'io.kubernetes.pod.uid': uid } });
  const [first] = await sandboxes();
  assert.ok(first);
  const { info } = await t.lab.cri.podSandboxStatus(first.id, true);
  const { pid } = JSON.parse(info.info ?? '{}') as { pid?: number };
  assert.ok(pid, 'the runtime tells the process of the sandbox');
  process.kill(pid, 'SIGKILL');
  const again = await untilPod(
    t,
    'lost',
    'to run in another sandbox',
    (p) => container(p, 'main')?.restartCount === 1 && condition(p, 'Ready') === 'True',
  );
  assert.notEqual(container(again, 'main')?.containerID, container(up, 'main')?.containerID);
  const events = await t.lab.events.until('the event SandboxChanged', () =>
    t.lab.events.all(t.namespace).find((e) => e.reason === 'SandboxChanged'),
  );
  assert.equal(events.message, 'Pod sandbox changed, it will be killed and re-created.');
  const ready = (await sandboxes()).filter((s) => s.state === 'SANDBOX_READY');
  assert.equal(ready.length, 1);
}

export const endings = group('endings', [
  test('crash-loop delays are 10, 20, 40 s', crashLoop, { weight: 20 }),
  test('kubectl delete returns when the Pod is gone; nothing is left', kubectlDelete),
  test('a forced deletion leaves nothing', forcedDelete),
  test('a container gets its grace period', graceIsKept),
  test('activeDeadlineSeconds', deadline),
  test('termination messages', terminationMessages),
  test('a lost sandbox is replaced', lostSandbox),
  test('OnFailure restarts until it succeeds', onFailure),
]);
