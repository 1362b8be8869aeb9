import { existsSync } from 'node:fs';
import path from 'node:path';
import { inside } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { repoRoot } from '../lib/paths.ts';
import { tryRun } from '../lib/run.ts';

/** Prints a Pod's timeline as kubelet-ts recorded it, or says why there is none. */
export async function showTimeline(cluster: Cluster, pod: string): Promise<void> {
  console.log(`\n$ hack/enter hack/bin/kubelet-ts timeline ${pod}`);
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

/** Prints what to try after a cluster is up. */
export function showNextSteps(cluster: Cluster): void {
  const { layout } = cluster;
  const name = layout.name === 'dev' ? '' : ` --name ${layout.name}`;
  console.log(`
What to try next
  export KUBECONFIG=${layout.adminKubeconfig}      (hack/kubectl needs no export)
  hack/kubectl logs -f counter -c read                one container reads what the other one writes
  hack/kubectl exec -it counter -c count -- sh
  hack/kubectl scale deployment web --replicas=10
  hack/kubectl delete pod counter && hack/kubectl apply -f hack/demo/counter.yaml
  hack/enter hack/bin/kubelet-ts timeline default/counter
  hack/enter                                          a shell on the node (its network and mounts)
  tail -f ${layout.logs}/kubelet.log
  node hack/cluster/status.ts
  npm run down${name ? ` --${name}` : ''}                                        removes everything`);
}
