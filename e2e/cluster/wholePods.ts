// PodLevelResourceManagers: a Pod has a CPU as a whole, which its containers share, under the Go kubelet and after it.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { cgroupValues } from '../lib/cgroupValues.ts';
import { patience } from '../lib/collection.ts';
import { cpuState, cpusOf, idOf, last, online, untilOn, withPolicy } from '../lib/cpus.ts';
import { once, onceSpec, untilAgreed } from '../lib/once.ts';
import { create, pod, removeAndWait, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { Unnoticed } from '../lib/unnoticed.ts';

const WHOLE = {
  config: {
    ...{ cpuManagerPolicy: 'static', reservedSystemCPUs: '0' },
    ...{ topologyManagerPolicy: 'best-effort', topologyManagerScope: 'pod' },
    featureGates: { PodLevelResourceManagers: true },
  },
};
const names = ['a', 'b'];

function whole(t: TestContext, name: string): Pod {
  const amounts = { cpu: '1', memory: '64Mi' };
  const resources = { requests: amounts, limits: amounts };
  return pod(t, name, { ...onceSpec(t, { containers: names.map((of) => once(of)) }), resources } as object);
}

/** Where its containers run, and how much of their time they get. */
function seenOf(t: TestContext, of: Pod) {
  const ids = names.map((name) => idOf(of, name));
  return {
    cpus: ids.map((id) => cpusOf(t, id)),
    quotas: [...ids, `pod${of.metadata?.uid}`].map((id) => cgroupValues(t.lab, id).quota),
  };
}

async function sharedCpu(t: TestContext): Promise<void> {
  assert.equal(online, '0-1', 'this test is written for two CPUs');
  try {
    await withPolicy(t, WHOLE, 'go');
    const made = await create(t, whole(t, 'whole'));
    const up = await untilReady(t, 'whole');
    const byGo = seenOf(t, up);
    assert.deepEqual(byGo.cpus, [`${last}`, `${last}`]);
    const written = cpuState(t);
    assert.deepEqual(written.podEntries, { [up.metadata?.uid ?? '']: { cpuSet: `${last}` } });

    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const seen = Unnoticed.of(t, ['whole']);
      await stopKubelet(t.lab.cluster, signal);
      await t.lab.startAgent(WHOLE);
      await waitForNodeReady(t.lab.cluster, patience);
      await t.lab.untilLookedAt(seen.pods);
      await seen.assert(`${signal}, and a start of kubelet-ts`);
      assert.deepEqual(seenOf(t, up), byGo);
      assert.deepEqual(cpuState(t), written);
    }
    const held = names.map((of) => `${of}: CPUs ${last} with others of the Pod`);
    await waitFor('why to tell of the CPUs', { timeout: 60_000 }, async () =>
      isDeepStrictEqual((await t.lab.why(t.namespace, 'whole'))?.holds, held),
    );

    await create(t, pod(t, 'other', onceSpec(t, { containers: [once('main')] })));
    const other = idOf(await untilReady(t, 'other'));
    await untilOn(t, other, '0');
    await removeAndWait(t, made);
    await untilOn(t, other, online);
    await waitFor('that to be written down', { timeout: 60_000 }, async () => cpuState(t).podEntries === undefined);
    await create(t, whole(t, 'next'));
    assert.deepEqual(seenOf(t, await untilReady(t, 'next')), byGo, 'what kubelet-ts gives');
    await untilOn(t, other, '0');
    await untilAgreed(t);
  } finally {
    await withPolicy(t, {});
  }
}

export const wholePods = group('pinned CPUs', [
  test('a CPU that a Pod has as a whole, from the Go kubelet and after a kill', sharedCpu, { mode: 'alone' }),
]);
