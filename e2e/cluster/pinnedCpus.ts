// CPU manager policy static: a container with a CPU of its own, and the others on what is left, over kills and changes of the kubelet.
import assert from 'node:assert/strict';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { cgroupValues } from '../lib/cgroupValues.ts';
import { patience } from '../lib/collection.ts';
import { cpuState, cpusOf, idOf, last, online, untilOn, withPolicy } from '../lib/cpus.ts';
import { assertStartedOnce, once, onceSpec, untilAgreed } from '../lib/once.ts';
import { create, pod, removeAndWait, untilPhase, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { assertNeverUnready, Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

const STATIC = { config: { cpuManagerPolicy: 'static', reservedSystemCPUs: '0' } };

function pinned(t: TestContext, name: string): Pod {
  const resources = { requests: { cpu: '1', memory: '32Mi' }, limits: { cpu: '1', memory: '32Mi' } };
  return pod(t, name, onceSpec(t, { containers: [once('main', undefined, { resources })] }));
}

/** Puts another kubelet on the node under the same settings, and waits for it to have changed nothing. */
async function takeOver(
  t: TestContext,
  kind: 'go' | 'ts',
  pinnedId: string,
  sharedId: string,
  signal: 'SIGTERM' | 'SIGKILL',
) {
  const names = ['pinned', 'shared'];
  await untilOldEnough(t, names);
  const seen = Unnoticed.of(t, names);
  const before = cpuState(t).entries;
  await stopKubelet(t.lab.cluster, signal);
  if (kind === 'go') await startKubelet(t.lab.cluster, 'go', STATIC);
  else await t.lab.startAgent(STATIC);
  await waitForNodeReady(t.lab.cluster, patience);
  // A Pod that it starts and ends shows that it has looked at everything.
  const probe = await create(
    t,
    pod(t, `probe-${kind}-${signal.toLowerCase()}`, onceSpec(t, { containers: [once('main')] })),
  );
  const { metadata: { name = '' } = {} } = probe;
  await untilOn(t, idOf(await untilReady(t, name)), '0');
  await removeAndWait(t, probe);
  if (kind === 'ts') await t.lab.untilLookedAt(seen.pods);
  await seen.assert(`${signal} and a start of ${kind}`);
  assert.deepEqual(cpuState(t).entries, before, `what ${kind} says of the CPUs`);
  assert.deepEqual([cpusOf(t, pinnedId), cpusOf(t, sharedId)], [`${last}`, '0']);
}

async function ownCpu(t: TestContext): Promise<void> {
  assert.equal(online, '0-1', 'this test is written for two CPUs');
  try {
    await withPolicy(t, STATIC);
    await create(t, pod(t, 'shared', onceSpec(t, { containers: [once('main')] })));
    const sharedId = idOf(await untilReady(t, 'shared'));
    assert.equal(cpusOf(t, sharedId), online);

    const made = await create(t, pinned(t, 'pinned'));
    const up = await untilReady(t, 'pinned');
    const pinnedId = idOf(up);
    assert.equal(cpusOf(t, pinnedId), `${last}`);
    assert.equal(cgroupValues(t.lab, pinnedId).quota, -1, 'a CPU of its own is not throttled');
    assert.equal(cgroupValues(t.lab, `pod${up.metadata?.uid}`).quota, -1);
    await untilOn(t, sharedId, '0');
    assert.deepEqual(cpuState(t).entries, { [up.metadata?.uid ?? '']: { main: `${last}` } });

    await create(t, pinned(t, 'late'));
    const { status } = await untilPhase(t, 'late', 'Failed');
    assert.deepEqual(
      [status?.reason, status?.message],
      [
        'UnexpectedAdmissionError',
        'Pod was rejected: Allocate failed due to not enough cpus available to satisfy request: requested=1, available=0, ' +
          'which is unexpected',
      ],
    );

    await takeOver(t, 'ts', pinnedId, sharedId, 'SIGKILL');
    await takeOver(t, 'go', pinnedId, sharedId, 'SIGTERM');
    await takeOver(t, 'ts', pinnedId, sharedId, 'SIGTERM');

    await removeAndWait(t, made);
    await untilOn(t, sharedId, online);
    assert.equal(cpuState(t).entries, undefined);
    await create(t, pinned(t, 'next'));
    assert.equal(cpusOf(t, idOf(await untilReady(t, 'next'))), `${last}`);
    await untilOn(t, sharedId, '0');
    await untilAgreed(t);
    await assertStartedOnce(t);
    assertNeverUnready(t);
  } finally {
    await withPolicy(t, {});
  }
}

export const pinnedCpus = group('pinned CPUs', [
  test('a CPU of its own, over kills and the Go kubelet', ownCpu, { mode: 'alone' }),
]);
