// The machine shuts down, as logind says it: a stand-in for logind and for systemd-inhibit, all else is real.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { waitForNodeReady } from '../../hack/cluster/control.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { FakeLogind } from '../../src/lib/linux/logind/fake/logind.ts';
import type { Node, Pod } from '../../src/types/k8s.ts';
import { patience } from '../lib/collection.ts';
import { container, create, pod, rest, restingPod, shell, untilPhase, untilReady } from '../lib/pods.ts';
import { group, type TestContext, test } from '../lib/test.ts';

const message = 'Pod was terminated in response to imminent node shutdown.';

/** Notes when it has the lock and when it has lost it; the path is short enough for a socket. */
function inhibitProgram(directory: string): void {
  const file = path.join(directory, 'systemd-inhibit');
  writeFileSync(file, `#!/bin/sh\nshift 4\necho taken >>${directory}/lock\n"$@"\necho released >>${directory}/lock\n`);
  chmodSync(file, 0o755);
}

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** Does what it has to for a second after it was told to end. */
const lingering = "trap 'sleep 1; exit 0' TERM; while true; do sleep 3600 & wait $!; done";

async function notReady(t: TestContext): Promise<void> {
  await waitFor('the Node to be not ready', { timeout: patience }, async () => {
    const node = await t.lab.api.get<Node>(`/api/v1/nodes/${t.lab.node}`);
    const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready?.status === 'False' && ready.message === 'node is shutting down';
  });
}

function assertEnded(ended: Pod): void {
  assert.deepEqual([ended.status?.reason, ended.status?.message], ['Terminated', message]);
  const target = ended.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([target?.status, target?.reason], ['True', 'TerminationByKubelet']);
}

const finishedAt = (of: Pod): number => Date.parse(container(of, 'main')?.state?.terminated?.finishedAt ?? '');

async function shutdown(t: TestContext): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'kts-'));
  const lock = path.join(directory, 'lock');
  inhibitProgram(directory);
  await using logind = await FakeLogind.listen(path.join(directory, 'bus'));
  logind.delayUs = 60_000_000n;
  const env = {
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${directory}/bus`,
    PATH: `${directory}:${process.env.PATH}`,
  };
  const config = { shutdownGracePeriod: '40s', shutdownGracePeriodCriticalPods: '15s' };
  try {
    await t.lab.restartAgent({ config, env });
    await create(t, pod(t, 'web', { containers: [shell('main', lingering)] }));
    const critical = { priorityClassName: 'system-node-critical', containers: [shell('main', rest)] };
    await create(t, pod(t, 'critical', critical));
    for (const name of ['web', 'critical']) await untilReady(t, name);
    await waitFor('the shutdown lock', { timeout: patience }, async () => read(lock) === 'taken\n');

    logind.prepareForShutdown(true);
    await notReady(t);
    const web = await untilPhase(t, 'web', 'Failed');
    const last = await untilPhase(t, 'critical', 'Failed');
    for (const one of [web, last]) assertEnded(one);
    assert.ok(finishedAt(web) <= finishedAt(last), 'a critical Pod ended before one that is not');
    await waitFor('the machine to be let go', { timeout: patience }, async () => read(lock) === 'taken\nreleased\n');
    for (const name of ['web', 'critical'])
      assert.equal(t.lab.pods.get(t.namespace, name)?.status?.phase, 'Failed', 'the machine went before the statuses');
    await create(t, restingPod(t, 'late'));
    const late = await untilPhase(t, 'late', 'Failed');
    assert.equal(late.status?.reason, 'NodeShutdown');
    assert.match(late.status?.message ?? '', /Pod was rejected as the node is shutting down\.$/);
    const state = JSON.parse(read(path.join(t.lab.cluster.layout.kubeletRoot, 'graceful_node_shutdown_state')));
    assert.ok(Date.parse(state.startTime) <= Date.parse(state.endTime), JSON.stringify(state));

    logind.prepareForShutdown(false);
    await waitForNodeReady(t.lab.cluster, patience);
    await create(t, restingPod(t, 'again'));
    await untilReady(t, 'again');
    await waitFor('a new lock', { timeout: patience }, async () => read(lock) === 'taken\nreleased\ntaken\n');
    for (const what of ['shutdown event', 'shutdown cancellation'])
      await t.lab.events.until(`the event of a ${what}`, () =>
        t.lab.events
          .all('default')
          .some((e) => e.reason === 'Shutdown' && e.message === `Shutdown manager detected ${what}`),
      );
  } finally {
    await t.lab.restartAgent().finally(() => rmSync(directory, { recursive: true, force: true }));
  }
}

export const nodeShutdown = group('node shutdown', [
  test('Pods end by priority, with their statuses, before the machine goes', shutdown, { mode: 'alone' }),
]);
