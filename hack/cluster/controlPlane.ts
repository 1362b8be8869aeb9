import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Tools } from '../tools/ensure.ts';
import { apiRequest } from './apiRequest.ts';
import { type Layout, net } from './layout.ts';
import { tokenFile, writeKubeconfig } from './pki.ts';
import { startService, waitForService } from './service.ts';
import { type Cluster, saveCluster } from './state.ts';

function auditPolicy(): object {
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    // What the node's own identity asks for, and what it is answered: a 403 there is a defect of the kubelet.
    rules: [{ level: 'Metadata', userGroups: ['system:nodes'] }, { level: 'None' }],
  };
}

function serverFlags(layout: Layout): Record<string, string> {
  const pki = (file: string): string => path.join(layout.pki, file);
  return {
    'etcd-servers': 'http://127.0.0.1:2379',
    'advertise-address': net.nodeAddress,
    'secure-port': String(net.apiPort),
    'service-cluster-ip-range': net.serviceCidr,
    'allow-privileged': 'true',
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': 'true',
    // Off unless asked for; drivers and clients of older versions speak them, and Kubernetes' specs try them.
    'runtime-config': 'resource.k8s.io/v1beta1=true,resource.k8s.io/v1beta2=true',
    'enable-aggregator-routing': 'true',
    'client-ca-file': pki('ca.crt'),
    'token-auth-file': tokenFile(layout),
    'tls-cert-file': pki('apiserver.crt'),
    'tls-private-key-file': pki('apiserver.key'),
    'kubelet-client-certificate': pki('apiserver-kubelet.crt'),
    'kubelet-client-key': pki('apiserver-kubelet.key'),
    'kubelet-preferred-address-types': 'InternalIP',
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': pki('sa.pub'),
    'service-account-signing-key-file': pki('sa.key'),
    'requestheader-client-ca-file': pki('front-proxy-ca.crt'),
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-username-headers': 'X-Remote-User',
    'proxy-client-cert-file': pki('front-proxy.crt'),
    'proxy-client-key-file': pki('front-proxy.key'),
    'audit-policy-file': path.join(layout.state, 'audit-policy.json'),
    'audit-log-path': path.join(layout.logs, 'audit.log'),
    'shutdown-delay-duration': '0s',
  };
}

function flags(values: Record<string, string>): string[] {
  return Object.entries(values).map(([name, value]) => `--${name}=${value}`);
}

/** Starts etcd unless it runs. Its data need not survive a power failure: it does not wait for the disk. */
export function startEtcd(cluster: Cluster, tools: Tools): void {
  const data = path.join(cluster.layout.state, 'etcd');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  startService(cluster, {
    name: 'etcd',
    argv: [tools.bin('etcd'), `--data-dir=${data}`, '--unsafe-no-fsync', '--log-level=warn'],
    place: 'network',
  });
}

/** Starts the API server unless it runs; it is ready when /readyz says so through the port on 127.0.0.1. `extra`: more flags, or other values. */
export async function startApiServer(
  cluster: Cluster,
  tools: Tools,
  extra: Record<string, string> = {},
): Promise<void> {
  const { layout } = cluster;
  writeFileSync(path.join(layout.state, 'audit-policy.json'), JSON.stringify(auditPolicy(), null, 2));
  startService(cluster, {
    name: 'kube-apiserver',
    argv: [tools.bin('kube-apiserver'), ...flags({ ...serverFlags(layout), ...extra })],
    place: 'network',
  });
  await waitForService(cluster, 'kube-apiserver', 120_000, async () => {
    return (await apiRequest(cluster, '/readyz').catch(() => ({ status: 0 }))).status === 200;
  });
}

/** Starts the controller manager, all controllers on, unless it runs; `extra` are more flags, or other values. */
export function startControllerManager(cluster: Cluster, tools: Tools, extra: Record<string, string> = {}): void {
  const { layout } = cluster;
  const kubeconfig = path.join(layout.state, 'controller-manager.conf');
  writeKubeconfig(layout, 'controller-manager', `https://${net.nodeAddress}:${net.apiPort}`, kubeconfig);
  const values = {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'client-ca-file': path.join(layout.pki, 'ca.crt'),
    'root-ca-file': path.join(layout.pki, 'ca.crt'),
    'requestheader-client-ca-file': path.join(layout.pki, 'front-proxy-ca.crt'),
    'cluster-signing-cert-file': path.join(layout.pki, 'ca.crt'),
    'cluster-signing-key-file': path.join(layout.pki, 'ca.key'),
    'service-account-private-key-file': path.join(layout.pki, 'sa.key'),
    'service-cluster-ip-range': net.serviceCidr,
    'use-service-account-credentials': 'true',
    'allocate-node-cidrs': 'false',
    'leader-elect': 'false',
    controllers: '*,bootstrapsigner,tokencleaner',
    // So that e2e specs about attach and detach do not write below /usr.
    'flex-volume-plugin-dir': path.join(layout.state, 'flex-volumes'),
    ...extra,
  };
  startService(cluster, {
    name: 'kube-controller-manager',
    argv: [tools.bin('kube-controller-manager'), ...flags(values)],
    place: 'network',
  });
}

/** Starts the scheduler unless it runs. */
export function startScheduler(cluster: Cluster, tools: Tools): void {
  const { layout } = cluster;
  const kubeconfig = path.join(layout.state, 'scheduler.conf');
  writeKubeconfig(layout, 'scheduler', `https://${net.nodeAddress}:${net.apiPort}`, kubeconfig);
  const values = {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'leader-elect': 'false',
  };
  startService(cluster, {
    name: 'kube-scheduler',
    argv: [tools.bin('kube-scheduler'), ...flags(values)],
    place: 'network',
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Picks a free port of 127.0.0.1 for kubectl (16443 or the next free one) unless the cluster has one. */
async function chooseApiPort(cluster: Cluster): Promise<void> {
  for (let port = 16_443; cluster.state.apiPort === 0; port++) {
    if (await isFree(port)) cluster.state.apiPort = port;
  }
  saveCluster(cluster);
}

/** Starts the pair of forwarders that lead from the machine's 127.0.0.1 to the API server in its network namespace. */
export async function startForwarders(cluster: Cluster): Promise<void> {
  const { layout, state } = cluster;
  await chooseApiPort(cluster);
  startService(cluster, {
    name: 'forward-inside',
    argv: [
      'socat',
      `UNIX-LISTEN:${layout.apiSocket},fork,unlink-early,mode=600`,
      `TCP:${net.nodeAddress}:${net.apiPort}`,
    ],
    place: 'network',
  });
  startService(cluster, {
    name: 'forward-outside',
    argv: ['socat', `TCP-LISTEN:${state.apiPort},bind=127.0.0.1,fork,reuseaddr`, `UNIX-CONNECT:${layout.apiSocket}`],
    place: 'host',
  });
}
