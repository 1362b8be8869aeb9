// Why a Pod is not gone yet: provoked, and asked for, by the command line too.
import assert from 'node:assert/strict';
import path from 'node:path';
import { repoRoot } from '../../hack/lib/paths.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { expectWait } from '../lib/expectWait.ts';
import { create, pod, podUrl, remove, rest, restingPod, shell, untilGone, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const stubborn = "trap '' TERM; while true; do sleep 1; done";

/** Deletes a Pod that is Ready, looks, and lets it go. */
async function whileEnding(
  t: TestContext,
  made: ReturnType<typeof pod>,
  look: (name: string) => Promise<void>,
): Promise<void> {
  const name = made.metadata?.name ?? '';
  await create(t, made);
  await untilReady(t, name);
  await remove(t, name);
  await look(name);
  await remove(t, name, { gracePeriodSeconds: 1 });
}

const slowStop = (t: TestContext): Promise<void> =>
  whileEnding(
    t,
    pod(t, 'slow', { terminationGracePeriodSeconds: 600, containers: [shell('main', stubborn)] }),
    (name) =>
      expectWait(t, name, 'StoppingContainer', /^container main was asked to stop for [\d.]+ s \(grace 600 s\)$/),
  );

const preStop = (t: TestContext): Promise<void> => {
  const lifecycle = { preStop: { exec: { command: ['sleep', '3600'] } } };
  const made = pod(t, 'hook', { terminationGracePeriodSeconds: 600, containers: [shell('main', rest, { lifecycle })] });
  return whileEnding(t, made, (name) =>
    expectWait(t, name, 'PreStopHook', /^container main runs its preStop hook for [\d.]+ s, at most \d+ s more$/),
  );
};

const sidecarTurn = (t: TestContext): Promise<void> => {
  const initContainers = [shell('side', rest, { restartPolicy: 'Always' })];
  const made = pod(t, 'turn', {
    terminationGracePeriodSeconds: 600,
    initContainers,
    containers: [shell('main', stubborn)],
  });
  return whileEnding(t, made, (name) => expectWait(t, name, 'StopTurn', /^sidecar side is stopped after main$/));
};

async function finalizer(t: TestContext): Promise<void> {
  const made = await create(t, {
    ...restingPod(t, 'held'),
    metadata: { name: 'held', namespace: t.namespace, finalizers: ['example.com/hold'] },
  });
  await untilReady(t, 'held');
  await remove(t, 'held');
  try {
    await expectWait(
      t,
      'held',
      'Finalizers',
      /^everything here is ended; the API object stays for its finalizers: example\.com\/hold$/,
    );
  } finally {
    await t.lab.api.patch(podUrl(t, 'held'), { metadata: { finalizers: null } });
  }
  await untilGone(t, made);
}

async function commandLine(t: TestContext): Promise<void> {
  await create(
    t,
    pod(t, 'asked', { containers: [shell('main', rest, { envFrom: [{ configMapRef: { name: 'none' } }] })] }),
  );
  await expectWait(t, 'asked', 'ContainerConfig', /configmap "none" not found/);
  const program = path.join(repoRoot, 'hack/bin/kubelet-ts');
  // While a new attempt is being made, the reason is that attempt.
  await waitFor('the answer of why in JSON', { timeout: 60_000 }, async () => {
    const asked = JSON.parse(await t.lab.onNode(program, 'why', `${t.namespace}/asked`, '--output', 'json'));
    assert.equal(asked.pod, `${t.namespace}/asked`);
    return asked.reasons.some((r: { code: string }) => r.code === 'ContainerConfig');
  });
  const sentence =
    /container main cannot be made from its spec: CreateContainerConfigError: configmap "none" not found/;
  await waitFor('the answer of why as text', { timeout: 60_000 }, async () =>
    sentence.test(await t.lab.onNode(program, 'why', `${t.namespace}/asked`)),
  );
  const timeline = await t.lab.onNode(program, 'timeline', `${t.namespace}/asked`);
  assert.match(timeline, /createSandbox|sandbox/);
}

export const ending = group('waits', [
  test('slow stop', slowStop),
  test('preStop hook', preStop),
  test("a sidecar's turn to stop", sidecarTurn),
  test('finalizer', finalizer),
  test('kubelet-ts why and timeline', commandLine),
]);
