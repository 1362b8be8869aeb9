// Waits that the whole node has: no network, no runtime, no API server.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freeze, startRuntime, stopRuntime, unfreeze, waitForNodeReady } from '../../hack/cluster/control.ts';
import { patience } from '../lib/collection.ts';
import { expectWait } from '../lib/expectWait.ts';
import { outMount, outVolume } from '../lib/files.ts';
import { create, pod, remove, removeAndWait, rest, restingPod, shell, untilGone, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

async function noNetwork(t: TestContext): Promise<void> {
  const conf = path.join(t.lab.cluster.layout.state, 'cni/conf');
  const [file = ''] = readdirSync(conf);
  const text = readFileSync(path.join(conf, file), 'utf8');
  rmSync(path.join(conf, file));
  try {
    await create(t, restingPod(t, 'waits'));
    await create(t, restingPod(t, 'host', { hostNetwork: true }));
    await expectWait(t, 'waits', 'NetworkNotReady', /^the node's network is not ready: .*(cni|network plugin)/i);
    await untilReady(t, 'host');
  } finally {
    // Written anew: containerd overlooks a file that is only moved back.
    writeFileSync(path.join(conf, file), text);
  }
  await untilReady(t, 'waits');
  await waitForNodeReady(t.lab.cluster, patience);
}

async function runtimeDown(t: TestContext): Promise<void> {
  await stopRuntime(t.lab.cluster, 'SIGKILL');
  try {
    await create(t, restingPod(t, 'waits'));
    await expectWait(t, 'waits', 'RuntimeNotReady', /^the container runtime is not ready: /);
  } finally {
    await startRuntime(t.lab.cluster);
  }
  await untilReady(t, 'waits');
  await waitForNodeReady(t.lab.cluster, patience);
}

async function runtimeFrozen(t: TestContext): Promise<void> {
  const made = await create(t, restingPod(t, 'waits', { terminationGracePeriodSeconds: 1 }));
  await untilReady(t, 'waits');
  freeze(t.lab.cluster, 'containerd');
  try {
    await remove(t, 'waits');
    await expectWait(t, 'waits', 'StoppingContainer', /^container main was asked to stop for [\d.]+ s \(grace 1 s\)/);
  } finally {
    unfreeze(t.lab.cluster, 'containerd');
  }
  await untilGone(t, made);
  await waitForNodeReady(t.lab.cluster, patience);
}

async function apiAwayWhileDeleting(t: TestContext): Promise<void> {
  // Asked to stop, it goes on until it may end: by then the API server is away, however slow the machine.
  const hold =
    "trap 'until [ -e /out/go ]; do sleep 0.1; done; exit 0' TERM; while true; do sleep 3600 & wait $!; done";
  const letGo = (): void => writeFileSync(path.join(t.directory, 'go'), '');
  const slow = shell('main', hold, { volumeMounts: [outMount] });
  const spec = { terminationGracePeriodSeconds: 600, volumes: [outVolume(t)], containers: [slow] };
  const made = await create(t, pod(t, 'waits', spec));
  try {
    await untilReady(t, 'waits');
    await remove(t, 'waits');
    await expectWait(t, 'waits', 'StoppingContainer', /asked to stop/);
    freeze(t.lab.cluster, 'kube-apiserver');
    letGo();
    await expectWait(t, 'waits', 'StatusWrite', /^.* has not reached the API server yet/);
  } finally {
    letGo();
    unfreeze(t.lab.cluster, 'kube-apiserver');
  }
  await untilGone(t, made);
  await waitForNodeReady(t.lab.cluster, patience);
}

async function diskFull(t: TestContext): Promise<void> {
  const pods = '/var/lib/kubelet/pods';
  const data = { big: 'x'.repeat(500_000) };
  await t.lab.api.create(`/api/v1/namespaces/${t.namespace}/configmaps`, { metadata: { name: 'big' }, data });
  await t.lab.onNode('mount', '-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', pods);
  try {
    const volumeMounts = [{ name: 'v', mountPath: '/v' }];
    const volumes = [{ name: 'v', configMap: { name: 'big' } }];
    const made = await create(t, pod(t, 'waits', { volumes, containers: [shell('main', rest, { volumeMounts })] }));
    await expectWait(t, 'waits', 'VolumeFailed', /^volume v could not be set up: .*(ENOSPC|no space left on device)/i);
    await t.lab.onNode('mount', '-o', 'remount,size=64m', pods);
    await untilReady(t, 'waits');
    await removeAndWait(t, made, { gracePeriodSeconds: 1 });
  } finally {
    await t.lab.onNode('umount', '--lazy', pods);
  }
}

export const nodeWaits = group('waits', [
  test('network not ready', noNetwork, { mode: 'alone' }),
  test('runtime down', runtimeDown, { mode: 'alone' }),
  test('runtime frozen', runtimeFrozen, { mode: 'alone' }),
  test('disk full', diskFull, { mode: 'alone' }),
  test('API server away while deleting', apiAwayWhileDeleting, { mode: 'alone' }),
]);
