// node hack/cluster/up.ts: brings up a cluster (or what is missing of it) in namespaces of its own.
import { main, say } from '../lib/log.ts';
import { bringUp } from './bringUp.ts';
import { clusterArguments } from './options.ts';

const usage = `node hack/cluster/up.ts [--name dev] [--kubelet go|ts|none] [--addons] [--nodes N] [--standalone]
Brings up etcd, the control plane, containerd and a kubelet; what runs already stays.
  --name NAME       several clusters can run side by side
  --kubelet KIND    ts (this checkout, the default), go (the reference) or none
  --addons          kube-proxy and CoreDNS too, so that Services and their names work
  --nodes N         1 (the default) to 3, each with a runtime, network and kubelet of its own
  --standalone      no control plane: a node that runs static Pods`;

await main(async () => {
  const { name, kubelet, standalone, addons, nodes } = clusterArguments(usage);
  const { layout, state } = await bringUp({ name, kubelet, controlPlane: !standalone, addons, nodes });
  say(`cluster ${name} is up; logs are in ${layout.logs}`);
  if (state.controlPlane) say(`export KUBECONFIG=${layout.adminKubeconfig}`);
  else say(`put static Pods into ${layout.manifests}`);
});
