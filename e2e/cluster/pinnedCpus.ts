// CPU manager policy static: a container with a CPU of its own, and the others on what is left, over kills and changes of the kubelet.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cgroupDirectories } from '../../hack/cluster/cgroups.ts';
import { startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import type { Pod } from '../../src/types/k8s.ts';
import { cgroupValues } from '../lib/cgroupValues.ts';
import { patience } from '../lib/collection.ts';
import { assertStartedOnce, once, onceSpec, untilAgreed } from '../lib/once.ts';
import { container, create, pod, removeAndWait, untilPhase, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { assertNeverUnready, Unnoticed, untilOldEnough } from '../lib/unnoticed.ts';

const STATIC = { config: { cpuManagerPolicy: 'static', reservedSystemCPUs: '0' } };
const online = readFileSync('/sys/devices/system/cpu/online', 'utf8').trim();
/** Without its first CPU: the machine has them all online. */
const last = Number(online.split(/[-,]/).at(-1));

function pinned(t: TestContext, name: string): Pod {
  const resources = { requests: { cpu: '1', memory: '32Mi' }, limits: { cpu: '1', memory: '32Mi' } };
  return pod(t, name, onceSpec(t, { containers: [once('main', undefined, { resources })] }));
}

const idOf = (of: Pod) => container(of, 'main')?.containerID?.replace('containerd://', '') ?? '';

/** The CPUs that the kernel lets a container run on. */
function cpusOf(t: TestContext, id: string): string {
  const kubepods = `${t.lab.cluster.layout.cgroup}/kubepods`;
  const files = cgroupDirectories(kubepods)
    .filter((directory) => path.basename(directory) === id)
    .flatMap((directory) => ['cpuset.cpus.effective', 'cpuset.cpus'].map((file) => path.join(directory, file)));
  return readFileSync(files.find((file) => existsSync(file)) ?? `no cpuset of ${id}`, 'utf8').trim();
}

function untilOn(t: TestContext, id: string, cpus: string): Promise<unknown> {
  return waitFor(`container ${id} to run on CPUs ${cpus}`, { timeout: patience }, async () => cpusOf(t, id) === cpus);
}

function stateFile(t: TestContext, name: string): string {
  return path.join(t.lab.cluster.layout.kubeletRoot, name);
}

function entries(t: TestContext): unknown {
  return JSON.parse(readFileSync(stateFile(t, 'cpu_manager_state'), 'utf8')).entries;
}

/** Changes the policy as an administrator does: the old state goes first. */
async function withPolicy(t: TestContext, options: object): Promise<void> {
  await stopKubelet(t.lab.cluster);
  for (const name of ['cpu_manager_state', 'memory_manager_state']) rmSync(stateFile(t, name), { force: true });
  await t.lab.startAgent(options);
  await waitForNodeReady(t.lab.cluster, patience);
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
  const before = entries(t);
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
  assert.deepEqual(entries(t), before, `what ${kind} says of the CPUs`);
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
    assert.deepEqual(entries(t), { [up.metadata?.uid ?? '']: { main: `${last}` } });

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
    assert.equal(entries(t), undefined);
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
