// The kubelet's server through kubectl and the API server, in the sizes that the project's goals state.
// Run alone: node e2e/cluster/server.e2e.ts [NAME of a cluster that is up [PART…]]
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { openCluster, startKubelet, stopKubelet, waitForNodeReady } from '../../hack/cluster/control.ts';
import type { Cluster } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { Checks, type ScenarioResult } from './checks.ts';
import { parts } from './server/parts.ts';
import { kubectlRaw, proxy, type Stage } from './server/stage.ts';

/** The parts named, or all; the cluster keeps running and keeps none of their Pods. The kubelet is started again with small logs. */
export async function run(cluster: Cluster, only: readonly string[] = []): Promise<ScenarioResult> {
  const checks = new Checks();
  const stage: Stage = { cluster, namespace: 'default', checks, full: true };
  try {
    await restart(stage, { containerLogMaxSize: '200Ki', containerLogMaxFiles: 3 });
    for (const [name, part] of Object.entries(parts)) {
      if (only.length > 0 && !only.includes(name)) continue;
      await part.play(stage).catch((error: unknown) => checks.fail(error));
    }
  } catch (error) {
    checks.fail(error);
  } finally {
    await restart(stage);
  }
  return checks.result();
}

async function restart(stage: Stage, config?: object): Promise<void> {
  const { cluster } = stage;
  await stopKubelet(cluster);
  await startKubelet(cluster, 'ts', config ? { config } : {});
  await waitForNodeReady(cluster);
  await waitFor('the server', { timeout: 60_000 }, async () => {
    const { code } = await kubectlRaw(stage, ['get', '--raw', proxy(cluster, 'healthz')]);
    return code === 0;
  });
}

if (import.meta.main) {
  const [given, ...only] = process.argv.slice(2);
  const name = given ?? 'server-e2e';
  const cluster = given ? await openCluster(given) : await bringUp({ name, kubelet: 'ts', controlPlane: true });
  const { passed, failed, failures } = await run(cluster, only);
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(`${passed} passed, ${failed} failed`);
  if (!given) await tearDown(name);
  process.exit(failed === 0 ? 0 : 1);
}
