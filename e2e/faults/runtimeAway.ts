// The container runtime is restarted, killed, or hangs, while Pods come and go.
import { setTimeout as delay } from 'node:timers/promises';
import { freeze, startRuntime, stopRuntime, unfreeze, waitForNodeReady } from '../../hack/cluster/control.ts';
import { Churn } from '../lib/churn.ts';
import { patience } from '../lib/collection.ts';
import { assertStartedOnce, untilAgreed } from '../lib/once.ts';
import { group, type TestContext, test } from '../lib/test.ts';

async function during(t: TestContext, fault: () => Promise<void>): Promise<void> {
  const churn = new Churn(t);
  await churn.all();
  await churn.settle();
  for (let round = 0; round < (t.full ? 5 : 1); round++) {
    for (let n = 0; n < 3; n++) await churn.step(14); // under way when the fault begins
    await fault();
    await churn.step(14);
  }
  await churn.settle();
  await waitForNodeReady(t.lab.cluster, patience);
  await untilAgreed(t);
  await assertStartedOnce(t);
}

const restarted =
  (signal: NodeJS.Signals) =>
  (t: TestContext): Promise<void> =>
    during(t, async () => {
      await stopRuntime(t.lab.cluster, signal);
      await startRuntime(t.lab.cluster);
    });

const frozen = (t: TestContext): Promise<void> =>
  during(t, async () => {
    freeze(t.lab.cluster, 'containerd');
    await delay(t.full ? 20_000 : 6000); // how long it hangs
    unfreeze(t.lab.cluster, 'containerd');
  });

export const runtimeAway = group('faults', [
  test('containerd restarted', restarted('SIGTERM'), { mode: 'alone' }),
  test('containerd killed', restarted('SIGKILL'), { mode: 'alone' }),
  test('containerd frozen', frozen, { mode: 'alone' }),
]);
