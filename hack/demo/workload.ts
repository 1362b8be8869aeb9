import path from 'node:path';
import { logTail } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { say, step } from '../lib/log.ts';
import { run, tryRun } from '../lib/run.ts';
import { waitFor } from '../lib/wait.ts';
import { ensureTools } from '../tools/ensure.ts';

const here = import.meta.dirname;

/** Runs kubectl against the cluster and returns what it prints. */
export async function kubectl(cluster: Cluster, ...args: string[]): Promise<string> {
  const tools = await ensureTools(['kubernetes']);
  return run(tools.bin('kubectl'), [`--kubeconfig=${cluster.layout.adminKubeconfig}`, ...args]);
}

async function explain(cluster: Cluster): Promise<void> {
  const tools = await ensureTools(['kubernetes']);
  for (const what of [
    ['get', 'nodes,pods', '-o', 'wide'],
    ['get', 'events', '--sort-by=.lastTimestamp'],
  ]) {
    const { stdout } = await tryRun(tools.bin('kubectl'), [`--kubeconfig=${cluster.layout.adminKubeconfig}`, ...what]);
    console.log(stdout);
  }
  console.log(logTail(cluster, 'kubelet'));
}

/** Applies the demo's manifests and waits until their Pods are Ready. */
export async function runWorkload(cluster: Cluster): Promise<void> {
  await kubectl(cluster, 'apply', '-f', path.join(here, 'web.yaml'), '-f', path.join(here, 'counter.yaml'));
  try {
    await step('Pods of Deployment web Ready', () =>
      kubectl(cluster, 'rollout', 'status', 'deployment/web', '--timeout=120s'),
    );
    await step('Pod counter Ready', () =>
      kubectl(cluster, 'wait', '--for=condition=Ready', 'pod/counter', '--timeout=120s'),
    );
  } catch (error) {
    await explain(cluster);
    throw error;
  }
  say('the cluster now:');
  console.log(await kubectl(cluster, 'get', 'nodes,deployments,pods', '-o', 'wide'));
  await step('the counter, read by the other container', () =>
    waitFor(
      'its first lines',
      { timeout: 60_000 },
      // A busy machine may not serve logs at the first try.
      async () => (await kubectl(cluster, 'logs', 'counter', '-c', 'read').catch(() => '')) !== '',
    ),
  );
  console.log(
    `$ hack/kubectl logs counter -c read --tail=3\n${await kubectl(cluster, 'logs', 'counter', '-c', 'read', '--tail=3')}`,
  );
}
