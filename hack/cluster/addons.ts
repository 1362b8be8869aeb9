import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';
import { controlOf } from './addresses.ts';
import { insideStatus } from './kubelet.ts';
import { type Layout, net } from './layout.ts';
import { writeKubeconfig } from './pki.ts';
import { startService, waitForService } from './service.ts';
import type { Cluster } from './state.ts';

/** Not 53: the node's own resolv.conf names its address, where names outside the cluster have to fail at once. */
const dnsPort = 5353;
const dnsHealthPort = 18_080;

function corefile(kubeconfig: string): string {
  return `.:${dnsPort} {
  bind ${net.nodeAddress}
  errors
  health 127.0.0.1:${dnsHealthPort}
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  cache 5
  loadbalance
}
`;
}

/** What has to be in the API for the processes: CoreDNS' rights, and its Service with an address that no Pod stands behind. */
function objects(): object {
  const meta = { name: 'kube-dns', namespace: 'kube-system' };
  const port = (name: string, protocol: string): object => ({ name, protocol, port: dnsPort });
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:coredns' };
  const rule = (apiGroups: string[], resources: string[]): object => ({
    apiGroups,
    resources,
    verbs: ['list', 'watch'],
  });
  const items = [
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: role.name },
      rules: [
        rule([''], ['endpoints', 'services', 'pods', 'namespaces']),
        rule(['discovery.k8s.io'], ['endpointslices']),
      ],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: role.name },
      roleRef: role,
      subjects: [{ apiGroup: role.apiGroup, kind: 'User', name: 'system:coredns' }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...meta, labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/name': 'CoreDNS' } },
      spec: {
        clusterIP: net.clusterDns,
        ports: [
          { name: 'dns', protocol: 'UDP', port: 53, targetPort: dnsPort },
          { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: dnsPort },
        ],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...meta, labels: { 'kubernetes.io/service-name': meta.name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [net.nodeAddress], conditions: { ready: true } }],
      ports: [port('dns', 'UDP'), port('dns-tcp', 'TCP')],
    },
  ];
  return { apiVersion: 'v1', kind: 'List', items };
}

function kubeconfigFor(layout: Layout, certificate: string, control = layout): string {
  const file = path.join(layout.state, `${certificate}.conf`);
  writeKubeconfig(control, certificate, `https://${net.nodeAddress}:${net.apiPort}`, file);
  return file;
}

function kubeProxyFlags(cluster: Cluster): string[] {
  const { layout } = cluster;
  return [
    `--kubeconfig=${kubeconfigFor(layout, 'kube-proxy', controlOf(cluster))}`,
    `--hostname-override=${layout.nodeName}`,
    `--cluster-cidr=${net.allPods}`,
    '--proxy-mode=nftables',
    // The limits belong to the machine, not to the cluster.
    ...['--conntrack-max-per-core=0', '--conntrack-min=0'],
    ...['--conntrack-tcp-timeout-established=0s', '--conntrack-tcp-timeout-close-wait=0s'],
  ];
}

async function answers(cluster: Cluster, port: number, url: string): Promise<boolean> {
  return (await insideStatus(cluster, port, url)).includes(' 200 ');
}

/** Starts kube-proxy on a node unless it runs. */
export async function startKubeProxy(cluster: Cluster): Promise<void> {
  const tools = await ensureTools(['kube-proxy']);
  startService(cluster, {
    name: 'kube-proxy',
    argv: [tools.bin('kube-proxy'), ...kubeProxyFlags(cluster)],
    place: 'network',
  });
  await waitForService(cluster, 'kube-proxy', 60_000, () => answers(cluster, 10_256, '/livez'));
}

/**
 * Starts kube-proxy and CoreDNS, as processes beside the kubelet, so that Services and their names work. No Pods: they must
 * not depend on the kubelet under test.
 */
export async function startAddons(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  const tools = await ensureTools(['kubernetes', 'coredns']);
  await run(tools.bin('kubectl'), [`--kubeconfig=${layout.adminKubeconfig}`, 'apply', '-f', '-'], {
    input: JSON.stringify(objects()),
  });
  const file = path.join(layout.state, 'Corefile');
  writeFileSync(file, corefile(kubeconfigFor(layout, 'coredns')));
  startService(cluster, { name: 'coredns', argv: [tools.bin('coredns'), '-conf', file], place: 'network' });
  await startKubeProxy(cluster);
  await waitForService(cluster, 'coredns', 30_000, () => answers(cluster, dnsHealthPort, '/health'));
}
