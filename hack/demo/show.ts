import { existsSync } from 'node:fs';
import path from 'node:path';
import { inside } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { repoRoot } from '../lib/paths.ts';
import { tryRun } from '../lib/run.ts';

/** Prints a Pod's timeline as kubelet-ts recorded it, or says why there is none. */
export async function showTimeline(cluster: Cluster, pod: string): Promise<void> {
  console.log(`\n$ ${forCluster(cluster, `hack/enter hack/bin/kubelet-ts timeline ${pod}`)}`);
  if (cluster.state.kubelet !== 'ts') {
    console.log('(the Go kubelet records no timelines)');
    return;
  }
  const main = path.join(repoRoot, 'src/main.ts');
  const socket = { env: { CONTAINER_RUNTIME_ENDPOINT: `unix://${cluster.layout.containerdSocket}` } };
  const [command = '', ...args] = inside(cluster, 'node', [process.execPath, main, 'timeline', pod], repoRoot);
  const result = existsSync(main) ? await tryRun(command, args, socket) : { code: 1, stdout: '', stderr: `no ${main}` };
  if (result.code === 0) process.stdout.write(result.stdout);
  else console.log(`(no timeline: ${result.stderr.trim().split('\n')[0] ?? 'the command failed'})`);
}

/** How a command has to begin so that it means this cluster. */
export function forCluster(cluster: Cluster, command: string): string {
  return cluster.layout.name === 'dev' ? command : `KUBELET_TS_CLUSTER=${cluster.layout.name} ${command}`;
}

/** Prints what to try after a cluster is up. */
export function showNextSteps(cluster: Cluster): void {
  const { layout } = cluster;
  const lines = [
    [forCluster(cluster, 'hack/kubectl logs -f counter -c read'), 'one container reads what the other one writes'],
    [forCluster(cluster, 'hack/kubectl exec -it counter -c count -- sh'), ''],
    [forCluster(cluster, 'hack/kubectl scale deployment web --replicas=10'), ''],
    [forCluster(cluster, 'hack/kubectl delete pod counter'), 'how long does it take?'],
    [forCluster(cluster, 'hack/enter hack/bin/kubelet-ts timeline default/counter'), 'and why?'],
    [forCluster(cluster, 'hack/enter'), "a shell on the node: its network, mounts and the runtime's tools"],
    [`export KUBECONFIG=${layout.adminKubeconfig}`, 'for a kubectl of yours'],
    [`tail -f ${layout.logs}/kubelet.log`, ''],
    [forCluster(cluster, 'npm run down'), 'removes everything'],
  ];
  console.log('\nWhat to try next');
  for (const [command = '', why] of lines) console.log(`  ${command.padEnd(66)}${why ? `  # ${why}` : ''}`.trimEnd());
}
