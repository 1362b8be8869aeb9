import type { Cluster } from '../../../hack/cluster/state.ts';
import { run } from '../../../hack/lib/run.ts';
import { ensureTools } from '../../../hack/tools/ensure.ts';

/** Runs kubectl as the cluster's administrator; returns its stdout. */
export async function kubectl(cluster: Cluster, args: readonly string[], input?: object): Promise<string> {
  const tools = await ensureTools(['kubernetes']);
  const all = [`--kubeconfig=${cluster.layout.adminKubeconfig}`, ...args];
  return run(tools.bin('kubectl'), all, input ? { input: JSON.stringify(input) } : {});
}
