// The Go kubelet, then kubelet-ts, then the Go kubelet on the same node: nothing is restarted.
import assert from 'node:assert/strict';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { assertStartedOnce, once, onceSpec, untilAgreed } from '../lib/once.ts';
import { create, pod, removeAndWait, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { assertNeverUnready, Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';
import { replaceAll } from './replaced.ts';

const names = Array.from({ length: 10 }, (_, n) => `p${n}`);

function manifest(t: TestContext, name: string, index: number): Pod {
  const resources = { requests: { cpu: '1m', memory: '4Mi' }, limits: { memory: '32Mi' } };
  const probed = {
    readinessProbe: { exec: { command: ['true'] } },
    ports: [{ containerPort: 80, hostPort: 21_200 + index }],
  };
  const containers = [once('main', undefined, index % 2 ? { resources, ...probed } : {})];
  const initContainers = index % 3 ? [] : [once('first', 'true'), once('side', undefined, { restartPolicy: 'Always' })];
  const volumes = [{ name: 'e', emptyDir: {} }];
  return pod(t, name, onceSpec(t, { initContainers, containers, volumes }));
}

/** Puts another kubelet on the node. A Pod that it starts and ends shows that it has taken over. */
async function takeOver(t: TestContext, kind: 'go' | 'ts', round: number): Promise<void> {
  await stopKubelet(t.lab.cluster);
  if (kind === 'go') await startKubelet(t.lab.cluster, 'go');
  else await t.lab.startAgent();
  await waitForNodeReady(t.lab.cluster, patience);
  const made = await create(t, pod(t, `probe-${round}`, onceSpec(t, { containers: [once('main')] })));
  await untilReady(t, `probe-${round}`);
  await removeAndWait(t, made);
}

async function swap(t: TestContext): Promise<void> {
  try {
    await takeOver(t, 'go', 0);
    for (const [index, name] of names.entries()) await create(t, manifest(t, name, index));
    for (const name of names) await untilReady(t, name);
    for (const [round, kind] of (['ts', 'go', 'ts'] as const).entries()) {
      if (kind === 'go') await untilOldEnough(t, names);
      const seen = Unnoticed.of(t, names);
      await takeOver(t, kind, round + 1);
      await seen.assert(`the change to ${kind}`);
      await untilAgreed(t);
    }
    await assertStartedOnce(t);
    assertNeverUnready(t);
  } finally {
    if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
  }
}

/** The same Pods on both: what is written of containers that the kubelet stops itself is the same, step by step. */
async function replacedOnBoth(t: TestContext): Promise<void> {
  if (!t.full) return t.note('only with --full');
  try {
    await takeOver(t, 'go', 10);
    const go = await replaceAll(t, '-go');
    await takeOver(t, 'ts', 11);
    assert.deepEqual(await replaceAll(t, '-ts'), go);
  } finally {
    if (t.lab.cluster.state.kubelet !== 'ts') await t.lab.restartAgent();
  }
}

export const swapped = group('swap', [
  test('Go kubelet, kubelet-ts, Go kubelet under 10 Pods', swap, { mode: 'alone' }),
  test('containers that are replaced, and hooks that hang: the same statuses from both', replacedOnBoth, {
    mode: 'alone',
  }),
]);
