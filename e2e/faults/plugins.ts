// Kubernetes' own device plug-in and DRA driver killed, hung, replaced by liars and restarted at random, and the agent killed among it.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import { patience } from '../lib/collection.ts';
import { assertStartedOnce } from '../lib/once.ts';
import { PluginPods } from '../lib/pluginPods.ts';
import { condition } from '../lib/pods.ts';
import { between, pick, random } from '../lib/random.ts';
import { RealDraDriver, type RealPlugin, SampleDevicePlugin } from '../lib/realPlugins.ts';
import { group, type TestContext, test } from '../lib/test.ts';
import { assertNeverUnready, Unnoticed } from '../lib/unnoticed.ts';

const API = '/apis/resource.k8s.io/v1';

async function publishClass(t: TestContext, driver: string): Promise<void> {
  const selectors = [{ cel: { expression: `device.driver == "${driver}"` } }];
  await t.lab.api.create(`${API}/deviceclasses`, { metadata: { name: driver }, spec: { selectors } });
  const requests = [{ name: 'one', exactly: { deviceClassName: driver } }];
  await t.lab.api.create(`${API}/namespaces/${t.namespace}/resourceclaimtemplates`, {
    metadata: { name: 'each', namespace: t.namespace },
    spec: { spec: { devices: { requests } } },
  });
}

/** A kill of the agent, in half of the cases while one of the plug-ins is away; who was Ready notices nothing. */
async function killAgent(t: TestContext, pods: PluginPods, plugin: RealPlugin): Promise<void> {
  const ready = t.lab.pods
    .all(t.namespace)
    .filter((p) => condition(p, 'Ready') === 'True' && !p.metadata?.deletionTimestamp);
  const before = new Unnoticed(t.lab.api, t.lab.pods, ready);
  const away = random() < 0.5;
  if (away) await plugin.end('SIGKILL');
  await stopKubelet(t.lab.cluster, 'SIGKILL');
  pods.look();
  await t.lab.startAgent();
  if (away) await delay(between(0, 2000));
  await plugin.start();
  await waitForNodeReady(t.lab.cluster, patience);
  await t.lab.untilLookedAt(ready);
  await before.assert('a kill of the agent', { mayLeave: true });
}

const blows: Record<string, (t: TestContext, pods: PluginPods, plugin: RealPlugin) => Promise<void>> = {
  kill: async (_t, _pods, plugin) => {
    await plugin.end('SIGKILL');
    await delay(between(0, 1500));
    await plugin.start();
  },
  restart: async (_t, _pods, plugin) => {
    await plugin.end('SIGTERM');
    await plugin.start();
  },
  hang: (_t, _pods, plugin) => plugin.hang(between(200, 3000)),
  lie: (_t, _pods, plugin) => plugin.lie(between(500, 2500)),
  agent: killAgent,
};

/** Puts everything right, and looks at it. A plug-in that met no kubelet at a bad moment is deaf for good: it is started anew. */
async function settle(pods: PluginPods, plugins: readonly RealPlugin[]): Promise<void> {
  for (const plugin of plugins) await plugin.end('SIGKILL');
  for (const plugin of plugins) await plugin.start();
  await pods.settle();
}

async function randomBlows(t: TestContext): Promise<void> {
  const count = t.full ? 200 : 6;
  const dra = new RealDraDriver(t);
  const plugins: RealPlugin[] = [new SampleDevicePlugin(t), dra];
  const pods = new PluginPods(t, 'each');
  const dealt = new Map<string, number>();
  try {
    await publishClass(t, dra.name);
    for (const plugin of plugins) await plugin.start();
    for (let n = 0; n < 4; n++) await pods.step();
    await pods.settle();
    for (let n = 1; n <= count; n++) {
      await pods.step();
      await delay(random() * 700);
      const kind = pick(Object.keys(blows));
      dealt.set(kind, (dealt.get(kind) ?? 0) + 1);
      await blows[kind]?.(t, pods, pick(plugins));
      pods.look();
      if (n % 20 === 0) await settle(pods, plugins);
    }
    await settle(pods, plugins);
    await assertStartedOnce(t);
    assertNeverUnready(t);
    await pods.end();
    const shown = [...dealt].sort().map(([kind, times]) => `${kind} ${times}`);
    assert.equal(
      [...dealt.values()].reduce((sum, times) => sum + times),
      count,
    );
    t.note(
      `${count} blows (${shown.join(', ')}), ${pods.counts}; no device given twice, none lost, none failed that had any`,
    );
  } finally {
    for (const plugin of plugins) await plugin.remove();
  }
}

export const pluginFaults = group('faults', [
  test('a device plug-in and a DRA driver killed, hung, lying and restarted at random', randomBlows, { mode: 'alone' }),
]);
