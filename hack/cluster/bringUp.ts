import { mkdirSync } from 'node:fs';
import { defaultImages, type ImageName, standaloneImages } from '../images/definitions/index.ts';
import { ensurePackages } from '../lib/apt.ts';
import { withLock } from '../lib/lock.ts';
import { step } from '../lib/log.ts';
import { waitFor } from '../lib/wait.ts';
import { ensureTools, type Tools } from '../tools/ensure.ts';
import { startAddons, startKubeProxy } from './addons.ts';
import { controlOf, furtherNodes } from './addresses.ts';
import { apiRequest } from './apiRequest.ts';
import { makeCgroup } from './cgroups.ts';
import { startContainerd } from './containerd.ts';
import { startApiServer, startControllerManager, startEtcd, startForwarders, startScheduler } from './controlPlane.ts';
import { mountDisks, type NodeDisks } from './disks.ts';
import { noteKubelet, startKubelet, waitForNodeReady } from './kubelet.ts';
import { type Layout, layoutOf, net } from './layout.ts';
import { makeNamespaces } from './namespaces.ts';
import { plugInto, routePods } from './network.ts';
import { makePki, writeKubeconfig } from './pki.ts';
import { startRegistry } from './registry.ts';
import { builtRuntime, type RuntimePrograms } from './runtime.ts';
import { runningService } from './service.ts';
import { forgetStaleImages } from './staleImages.ts';
import { type Cluster, findCluster, type Joined, type KubeletKind, saveCluster } from './state.ts';

export interface UpOptions {
  name: string;
  kubelet: KubeletKind;
  /** False: no etcd, API server and so on; the node runs static Pods only. */
  controlPlane: boolean;
  /** How many nodes; each further one is a cluster NAME-2, NAME-3 of its own without control plane (1 unless said). */
  nodes?: number;
  /** kube-proxy and CoreDNS too. */
  addons?: boolean;
  /** The node takes the cluster's cgroup for the root of all cgroups (cgroup v1), as some of Kubernetes' node specs need. */
  ownCgroups?: boolean;
  /** File systems of its own for the node, of one node only. */
  disks?: NodeDisks;
  /** Images that the registry serves instead of the usual ones. */
  images?: readonly ImageName[];
  /** The runtime to use instead of the one built from Go modules. */
  runtime?: RuntimePrograms;
}

/** What is run on this machine besides the built programs. */
// conntrack … kmod are what kubeadm and kube-proxy look for; curl is for the README's and the demo's own commands.
const packages = [
  'iproute2',
  'iptables',
  'nftables',
  'conntrack',
  'socat',
  'openssl',
  'kmod',
  'util-linux',
  'ethtool',
  'curl',
];

/** The lock that up and down hold. */
export function clusterLock(layout: Layout): string {
  return `${layout.state}.lock`;
}

async function startControlPlane(cluster: Cluster, tools: Tools): Promise<void> {
  const { layout } = cluster;
  await step('certificates', () => makePki(layout));
  await step('etcd and kube-apiserver', async () => {
    startEtcd(cluster, tools);
    await startForwarders(cluster);
    await startApiServer(cluster, tools);
  });
  writeKubeconfig(layout, 'admin', `https://127.0.0.1:${cluster.state.apiPort}`, layout.adminKubeconfig);
  writeKubeconfig(layout, 'admin', `https://${net.nodeAddress}:${net.apiPort}`, layout.insideKubeconfig);
  await step('kube-controller-manager and kube-scheduler', () => {
    startControllerManager(cluster, tools);
    startScheduler(cluster, tools);
  });
}

async function startNode(cluster: Cluster, options: UpOptions): Promise<void> {
  if (options.kubelet === 'none') {
    noteKubelet(cluster, 'none');
    return;
  }
  const kind = options.kubelet;
  const current = cluster.state.kubelet;
  if (runningService(cluster, 'kubelet') && current !== kind) {
    throw new Error(`a ${current} kubelet runs on ${cluster.layout.nodeName}: stop it or bring the cluster down first`);
  }
  await step(kind === 'go' ? 'kubelet (Go, the reference)' : 'kubelet-ts', () => startKubelet(cluster, kind));
  if (controlOf(cluster)) await step(`node ${cluster.layout.nodeName} Ready`, () => waitForNodeReady(cluster));
}

/**
 * Brings a cluster up, or what is missing of it: after a crash of any of its processes a second call starts them again.
 * Builds tools and images first where they are not in the cache. Returns its first node.
 */
export async function bringUp(options: UpOptions): Promise<Cluster> {
  const further = furtherNodes(options.name, options.nodes ?? 1); // throws before anything is made
  if (further.length > 0 && !options.controlPlane)
    throw new Error('--nodes: only nodes with an API server know each other');
  const first = await bringUpNode(options);
  for (const { name, joined } of further) await bringUpNode({ ...options, name, controlPlane: false }, joined);
  return first;
}

async function bringUpNode(options: UpOptions, joined?: Joined): Promise<Cluster> {
  if (process.getuid?.() !== 0) throw new Error('a node agent needs root: run this as root');
  const layout = layoutOf(options.name);
  await ensurePackages(packages);
  const runtime = options.runtime ?? (await builtRuntime());
  const tools = options.controlPlane ? await ensureTools(['etcd', 'kubernetes']) : undefined;
  return withLock(clusterLock(layout), 600_000, async () => {
    const { controlPlane, ownCgroups = false } = options;
    const fresh = { controlPlane, apiPort: 0, services: {}, ownCgroups, ...(joined ? { joined } : {}) };
    const cluster = findCluster(options.name) ?? { layout, state: fresh };
    if (cluster.state.controlPlane !== options.controlPlane) {
      throw new Error(`${options.name} exists with another control-plane setting: bring it down first`);
    }
    mkdirSync(layout.run, { recursive: true });
    saveCluster(cluster);
    await step('network and mount namespace, cgroups', async () => {
      makeCgroup(layout.cgroup);
      if (options.disks) await mountDisks(layout, options.disks);
      await makeNamespaces(cluster);
    });
    const images = options.images ?? (options.controlPlane ? defaultImages : standaloneImages);
    const built = await step('image registry', () => startRegistry(cluster, images));
    await step('containerd', () => startContainerd(cluster, runtime));
    await forgetStaleImages(cluster, runtime, built);
    if (tools) await startControlPlane(cluster, tools);
    if (joined) await joinNode(cluster, joined);
    await startNode(cluster, options);
    // After the node: kube-proxy waits 30 s for its object and then takes loopback for its address.
    if (tools && options.addons) await step('kube-proxy and CoreDNS', () => startAddons(cluster));
    if (joined && options.addons) await step('kube-proxy', () => startKubeProxy(cluster));
    if (tools) await step('default service account', () => waitForServiceAccount(cluster));
    return cluster;
  });
}

async function joinNode(node: Cluster, joined: Joined): Promise<void> {
  const control = layoutOf(joined.cluster);
  await step(`the way to the nodes of ${joined.cluster}`, async () => {
    await plugInto(control, node);
    await routePods(control, node, joined);
  });
}

/** Until the controller-manager makes them, the API server refuses every Pod: "serviceaccount "default" not found". */
async function waitForServiceAccount(cluster: Cluster): Promise<void> {
  const made = async (): Promise<boolean> => {
    const answer = await apiRequest(cluster, '/api/v1/namespaces/default/serviceaccounts/default').catch(
      () => undefined,
    );
    return answer?.status === 200;
  };
  await waitFor('the default service account', { timeout: 120_000 }, made);
}
