import { readdirSync } from 'node:fs';
import path from 'node:path';

/** Addresses inside every cluster's own network namespace; clusters cannot see each other, so they are all alike. */
export const net = {
  nodeAddress: '172.30.0.10',
  nodePrefix: 24,
  /** The Pods of a cluster's first node; each further node has the next /16 but one (addresses.ts). */
  podCidr: '10.244.0.0/16',
  /** The Pods of all nodes, a VM's too. */
  allPods: '10.244.0.0/14',
  serviceCidr: '10.96.0.0/12',
  apiService: '10.96.0.1',
  clusterDns: '10.96.0.10',
  apiPort: 6443,
  registryPort: 5051,
} as const;

/** Where everything of one cluster is. */
export interface Layout {
  name: string;
  nodeName: string;
  /** Everything durable. */
  state: string;
  /** Sockets, namespaces, the runtime's volatile state. */
  run: string;
  logs: string;
  pki: string;
  /** KubeletConfiguration, kubeconfig, resolv.conf, static Pod manifests. */
  node: string;
  manifests: string;
  /** Bound to /var/lib/kubelet inside the node's mount namespace. */
  kubeletRoot: string;
  /** The network namespace, for nsenter --net. */
  netns: string;
  /** The node's mount namespace, for nsenter --mount. */
  mountns: string;
  /** The node's cgroup namespace, if it has one of its own, for nsenter --cgroup. */
  cgroupns: string;
  containerdSocket: string;
  /** Forwards kubectl's connections into the network namespace. */
  apiSocket: string;
  /** The path of the cluster's cgroup in every hierarchy. */
  cgroup: string;
  /** For use on the machine itself. */
  adminKubeconfig: string;
  /** For use inside the network namespace. */
  insideKubeconfig: string;
}

const defaultBase = '/var/lib/kubelet-ts-dev';
const defaultRunBase = '/run/kubelet-ts-dev';

/** The layout of a cluster; KUBELET_TS_DEV_STATE and KUBELET_TS_DEV_RUN move the two directories that hold all of them. */
export function layoutOf(name: string): Layout {
  if (!/^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/.test(name)) {
    throw new Error(`--name ${name}: use 1 to 20 lower-case letters, digits and dashes`);
  }
  const state = path.join(stateBase(), name);
  const run = path.join(runBase(), name);
  return {
    name,
    nodeName: `${name}-node`,
    state,
    run,
    logs: path.join(state, 'logs'),
    pki: path.join(state, 'pki'),
    node: path.join(state, 'node'),
    manifests: path.join(state, 'node/manifests'),
    kubeletRoot: path.join(state, 'kubelet'),
    netns: path.join(run, 'ns/net'),
    mountns: path.join(run, 'ns/mnt'),
    cgroupns: path.join(run, 'ns/cgroup'),
    containerdSocket: path.join(run, 'containerd.sock'),
    apiSocket: path.join(run, 'api.sock'),
    cgroup: `/kubelet-ts-${name}`,
    adminKubeconfig: path.join(state, 'admin.conf'),
    insideKubeconfig: path.join(state, 'admin-inside.conf'),
  };
}

/** The directory that holds every cluster's state directory. */
export function stateBase(): string {
  return process.env.KUBELET_TS_DEV_STATE ?? defaultBase;
}

/** The directory that holds every cluster's run directory. */
export function runBase(): string {
  return process.env.KUBELET_TS_DEV_RUN ?? defaultRunBase;
}

/** The names of the clusters that have a state directory. */
export function clusterNames(): string[] {
  try {
    return readdirSync(stateBase(), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return []; // none was ever made
  }
}
