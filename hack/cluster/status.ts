// node hack/cluster/status.ts: which processes of which clusters run.
import { main } from '../lib/log.ts';
import { clusterNames } from './layout.ts';
import { runningService } from './service.ts';
import { findCluster } from './state.ts';

await main(async () => {
  const names = clusterNames();
  if (names.length === 0) console.log('no cluster is up');
  for (const name of names) {
    const cluster = findCluster(name);
    if (!cluster) {
      console.log(`${name}: the rest of a failed start; remove it with: node hack/cluster/down.ts --name ${name}`);
      continue;
    }
    const { layout, state } = cluster;
    const of = state.joined ? `, a node of ${state.joined.cluster}` : '';
    console.log(`${name}${of}: kubelet ${state.kubelet ?? 'none'}, logs in ${layout.logs}`);
    for (const service of Object.keys(state.services)) {
      const id = runningService(cluster, service);
      console.log(`  ${service.padEnd(24)} ${id ? `pid ${id.pid}` : 'not running'}`);
    }
    if (state.controlPlane) console.log(`  export KUBECONFIG=${layout.adminKubeconfig}`);
  }
});
