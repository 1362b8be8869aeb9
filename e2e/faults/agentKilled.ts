import { setTimeout as delay } from 'node:timers/promises';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { Churn } from '../lib/churn.ts';
import { patience } from '../lib/collection.ts';
import { mirrorName, removeManifest, staticPod, writeManifest } from '../lib/manifests.ts';
import { assertStartedOnce, once, onceSpec, untilAgreed } from '../lib/once.ts';
import { untilReady } from '../lib/pods.ts';
import { random } from '../lib/random.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { assertNeverUnready } from '../lib/unnoticed.ts';

/** Kills kubelet-ts at random moments of its start and work, while Pods come and go. */
async function randomKills(t: TestContext): Promise<void> {
  const kills = t.full ? 200 : 25;
  const churn = new Churn(t);
  const fixed = onceSpec(t, { containers: [once('main')] });
  try {
    writeManifest(t, 'fixed', staticPod(t, 'fixed', fixed));
    await churn.all();
    for (let kill = 1; kill <= kills; kill++) {
      await churn.step();
      // A third of the kills hit the first second of a start, the others the work after it.
      await delay(random() < 0.33 ? random() * 1000 : random() * 3500);
      await stopKubelet(t.lab.cluster, 'SIGKILL');
      const starting = t.lab.startAgent();
      if (kill === kills) await starting;
      else starting.catch(() => {}); // it is killed again before it is up: that is the test
    }
    await waitForNodeReady(t.lab.cluster, patience);
    await churn.settle();
    await untilReady(t, mirrorName(t, 'fixed'));
    await untilAgreed(t);
    await assertStartedOnce(t);
    assertNeverUnready(t);
    t.note(`${kills} kills, ${churn.created} Pods`);
  } finally {
    removeManifest(t, 'fixed');
  }
}

export const agentKilled = group('faults', [test('kubelet-ts killed at random', randomKills, { mode: 'alone' })]);
