import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Layout } from '../cluster/layout.ts';
import { logTail } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { step } from '../lib/log.ts';
import { run } from '../lib/run.ts';
import { waitFor } from '../lib/wait.ts';
import { forCluster } from './show.ts';

/** What the Pod's reading container has printed so far: its log file in the node's log directory. */
function readLog(layout: Layout): string {
  const pods = path.join(layout.logs, 'pods');
  const pod = existsSync(pods) ? readdirSync(pods).find((name) => name.startsWith('default_counter-')) : undefined;
  const directory = pod && path.join(pods, pod, 'read');
  const log =
    directory && existsSync(directory) ? readdirSync(directory).find((name) => name.endsWith('.log')) : undefined;
  return directory && log ? readFileSync(path.join(directory, log), 'utf8') : '';
}

/** Puts the demo Pod into the manifest directory and waits until one of its containers prints what the other one wrote. */
export async function runStaticPod(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  mkdirSync(layout.manifests, { recursive: true });
  copyFileSync(path.join(import.meta.dirname, 'counter.yaml'), path.join(layout.manifests, 'counter.yaml'));
  try {
    await step('static Pod counter running', () =>
      waitFor('output of its second container', { timeout: 90_000 }, () => readLog(layout)),
    );
  } catch (error) {
    throw new Error(`${(error as Error).message}. The end of the kubelet's log:\n${logTail(cluster, 'kubelet')}`);
  }
  const ctr = cluster.state.runtime?.ctr ?? 'ctr';
  console.log(await run(ctr, ['--address', layout.containerdSocket, '-n', 'k8s.io', 'tasks', 'list']));
  console.log(readLog(layout).trimEnd().split('\n').slice(-3).join('\n'));
}

/** Prints what to try on a node without a control plane. */
export function showStandaloneSteps(cluster: Cluster): void {
  const { layout } = cluster;
  console.log(`
What to try next
  rm ${layout.manifests}/counter.yaml        the Pod ends; copy it back and it starts
  tail -f ${layout.logs}/pods/default_counter-*/read/*.log
  ${forCluster(cluster, 'hack/enter curl -s http://127.0.0.1:10255/pods')}
  tail -f ${layout.logs}/kubelet.log
  npm run up                                 the whole cluster (builds Kubernetes: about 20 minutes the first time)
  ${forCluster(cluster, 'npm run down')}                               removes everything`);
}
