import { writeFileSync } from 'node:fs';
import { run } from '../lib/run.ts';
import { furtherNodes, mostNodes, nodeAddress } from './addresses.ts';
import { type Layout, net } from './layout.ts';
import { enterArguments } from './service.ts';
import type { Cluster, Joined } from './state.ts';

/** Runs shell lines in the cluster's network namespace; the first that fails ends them. */
export async function inNetwork(cluster: Cluster, lines: readonly string[]): Promise<void> {
  const [command = '', ...args] = [...enterArguments(cluster, 'network'), 'sh', '-ec', lines.join('\n')];
  await run(command, args);
}

/** Makes the network namespace of a cluster, or of a further node, with the node's address in it. */
export async function makeNetworkNamespace(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  writeFileSync(layout.netns, '');
  await run('unshare', [`--net=${layout.netns}`, 'true']);
  await inNetwork(cluster, [
    'ip link set lo up',
    // The node's address sits on a bridge: the kernel may lack the dummy device, and further nodes and a VM's tap can join it.
    'ip link add node0 type bridge',
    `ip address add ${nodeAddress(cluster)}/${net.nodePrefix} dev node0`,
    'ip link set node0 up',
    // A route for service addresses, so that kube-proxy's rules see connections made by the node itself.
    `ip route add ${net.serviceCidr} dev node0`,
    'echo 1 > /proc/sys/net/ipv4/ip_forward',
    'if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables; fi',
  ]);
}

/** Plugs a machine's bridge into that of a cluster; once is enough. The cable goes when either namespace goes. */
export async function plugInto(control: Layout, machine: Cluster): Promise<void> {
  const far = `to-${machine.layout.name}`.slice(-15);
  await inNetwork(machine, [
    'if ip link show uplink >/dev/null 2>&1; then exit 0; fi',
    `ip link add uplink type veth peer name ${far} netns ${control.netns}`,
    'ip link set uplink master node0 up',
    `nsenter --net=${control.netns} ip link set ${far} master node0 up`,
  ]);
}

/** The routes of a further node and to it: to the Pods of every node of its cluster, there or to come. */
export async function routePods(control: Layout, node: Cluster, { cluster, address, podCidr }: Joined): Promise<void> {
  const first = { address: net.nodeAddress as string, podCidr: net.podCidr as string };
  const others = [first, ...furtherNodes(cluster, mostNodes).map(({ joined }) => joined)];
  await inNetwork(node, [
    ...others
      .filter((other) => other.address !== address)
      .map((other) => `ip route replace ${other.podCidr} via ${other.address} dev node0`),
    `nsenter --net=${control.netns} ip route replace ${podCidr} via ${address} dev node0`,
  ]);
}
