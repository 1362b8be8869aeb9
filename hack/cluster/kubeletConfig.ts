import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { controlOf, nodeAddress } from './addresses.ts';
import { type Layout, net } from './layout.ts';
import type { Cluster } from './state.ts';

function authentication(cluster: Cluster): object {
  const control = controlOf(cluster);
  if (!control) {
    // Nobody can vouch for a client; the node's ports are reachable only inside its own network namespace.
    return {
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: 'AlwaysAllow' },
    };
  }
  return {
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: path.join(control.pki, 'ca.crt') },
    },
    authorization: { mode: 'Webhook' },
  };
}

/** Where the node's processes are, for a node that takes the cluster's cgroup for the root of all. */
function cgroups(cluster: Cluster): object {
  if (!cluster.state.ownCgroups) return { cgroupRoot: cluster.layout.cgroup };
  // One service stands for the machine's other processes: statistics count them as one, and there are no others here.
  const other = cluster.state.controlPlane ? 'etcd' : 'registry';
  return { cgroupRoot: '/', kubeletCgroups: '/services/kubelet', systemCgroups: `/services/${other}` };
}

/** The KubeletConfiguration that both kubelets get; `overrides` replaces top-level fields. */
export function kubeletConfiguration(cluster: Cluster, overrides: object = {}): object {
  const { layout } = cluster;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    ...authentication(cluster),
    cgroupDriver: 'cgroupfs',
    ...cgroups(cluster),
    failCgroupV1: false,
    clusterDNS: [net.clusterDns],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    evictionHard: {
      'memory.available': '100Mi',
      'nodefs.available': '2%',
      'nodefs.inodesFree': '2%',
      'imagefs.available': '2%',
    },
    imageGCHighThresholdPercent: 97,
    imageGCLowThresholdPercent: 95,
    failSwapOn: false,
    podLogsDir: '/var/log/pods',
    readOnlyPort: 10255,
    resolvConf: path.join(layout.node, 'resolv.conf'),
    staticPodPath: layout.manifests,
    volumePluginDir: path.join(layout.node, 'volume-plugins'),
    ...overrides,
  };
}

/** Writes the node's files (configuration, resolv.conf, manifest directory); returns the configuration's path. */
export function writeNodeFiles(cluster: Cluster, overrides?: object): string {
  const { layout } = cluster;
  mkdirSync(layout.manifests, { recursive: true });
  // Nothing answers at the node's address: names outside the cluster fail at once instead of timing out.
  writeFileSync(path.join(layout.node, 'resolv.conf'), `nameserver ${nodeAddress(cluster)}\n`);
  const file = configFile(layout);
  writeFileSync(file, stringify(kubeletConfiguration(cluster, overrides)));
  return file;
}

/** The KubeletConfiguration's path. */
export function configFile(layout: Layout): string {
  return path.join(layout.node, 'config.yaml');
}
