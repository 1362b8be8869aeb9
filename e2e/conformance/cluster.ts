import { apiRequest } from '../../hack/cluster/apiRequest.ts';
import { bringUp } from '../../hack/cluster/bringUp.ts';
import { stopKubelet } from '../../hack/cluster/control.ts';
import { startSnapshots } from '../../hack/cluster/snapshots.ts';
import { type Cluster, findCluster, furtherNodesOf } from '../../hack/cluster/state.ts';
import { tearDown } from '../../hack/cluster/tearDown.ts';
import type { ImageName } from '../../hack/images/definitions/index.ts';
import { say, step } from '../../hack/lib/log.ts';
import { tryRun } from '../../hack/lib/run.ts';
import { waitFor } from '../../hack/lib/wait.ts';
import { ensureTools } from '../../hack/tools/ensure.ts';
import { imagesFor } from './images.ts';
import type { Spec } from './lists.ts';
import type { ConformanceOptions } from './options.ts';
import { needSnapshots } from './snapshots.ts';

/**
 * The cluster that the suites run against; brought up, or what is missing of it. The kubelet is started anew, so that it is
 * the wanted one and kubelet-ts the checkout's present state.
 */
export async function conformanceCluster(
  name: string,
  kubelet: 'go' | 'ts',
  images: readonly ImageName[],
  nodes = 1,
): Promise<Cluster> {
  const present = findCluster(name);
  const further = furtherNodesOf(name);
  if (present?.state.ownCgroups && further.length < nodes)
    for (const node of [present, ...further]) await stopKubelet(node);
  else if (present) await tearDown(name);
  return bringUp({
    name,
    kubelet,
    nodes,
    controlPlane: true,
    addons: true,
    ownCgroups: true,
    images,
  });
}

/** What specs run on. */
export interface Place {
  cluster: Cluster;
  /** Ends what was begun for the run beside the cluster. */
  end(): Promise<void>;
}

/** A cluster with a kubelet and everything that these specs ask for. */
export async function clusterFor(specs: readonly Spec[], options: ConformanceOptions): Promise<Place> {
  const cluster = await conformanceCluster(options.cluster, options.kubelet, imagesFor(specs), options.nodes);
  if (needSnapshots(specs)) await step('snapshot controller', () => startSnapshots(cluster));
  await removeLeftovers(cluster);
  return { cluster, end: async () => {} };
}

interface NamespaceList {
  items: { metadata: { name: string; labels?: Record<string, string> } }[];
}

async function testNamespaces(cluster: Cluster): Promise<string[]> {
  const { body } = await apiRequest(cluster, '/api/v1/namespaces');
  const { items } = JSON.parse(body) as NamespaceList;
  return items.filter(({ metadata }) => metadata.labels?.['e2e-run']).map(({ metadata }) => metadata.name);
}

/** Deletes the namespaces that a killed run left behind, and waits until they are gone: their Pods cost time. */
async function removeLeftovers(cluster: Cluster): Promise<void> {
  const names = await testNamespaces(cluster);
  if (names.length === 0) return;
  say(`removing what a killed run left: ${names.length} namespaces`);
  const tools = await ensureTools(['kubernetes']);
  const args = [`--kubeconfig=${cluster.layout.adminKubeconfig}`, 'delete', 'namespace', '--wait=false', ...names];
  await tryRun(tools.bin('kubectl'), args);
  const gone = async (): Promise<boolean> => (await testNamespaces(cluster)).length === 0;
  await waitFor('old test namespaces to be gone', { timeout: 180_000, interval: 1000 }, gone).catch((error: Error) =>
    say(`going on although: ${error.message}`),
  );
}
