import path from 'node:path';
import { run } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';
import { apiRequest } from './apiRequest.ts';
import { net } from './layout.ts';
import { writeKubeconfig } from './pki.ts';
import { startService, stopService, waitForService } from './service.ts';
import type { Cluster } from './state.ts';

const name = 'metrics-server';
/** Its usual port is the kubelet's here, for it has no address of its own. */
const port = 4443;
const user = `system:${name}`;
const group = 'rbac.authorization.k8s.io';
const apiService = 'v1beta1.metrics.k8s.io';

const bind = (kind: 'ClusterRole' | 'Role', role: string, metadata: object): object => ({
  apiVersion: `${group}/v1`,
  kind: `${kind}Binding`,
  metadata,
  roleRef: { apiGroup: group, kind, name: role },
  subjects: [{ apiGroup: group, kind: 'User', name: user }],
});

/** The rights that its own manifest gives it, to the user of its certificate. */
function rights(): object[] {
  const rule = (resources: string[], verbs: string[]): object => ({ apiGroups: [''], resources, verbs });
  return [
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRole',
      metadata: { name: user },
      rules: [rule(['nodes/metrics'], ['get']), rule(['pods', 'nodes'], ['get', 'list', 'watch'])],
    },
    bind('ClusterRole', user, { name: user }),
    bind('ClusterRole', 'system:auth-delegator', { name: `${name}:system:auth-delegator` }),
    bind('Role', 'extension-apiserver-authentication-reader', {
      name: `${name}-auth-reader`,
      namespace: 'kube-system',
    }),
  ];
}

/** The way from the API server to the process: an API service, a Service, and an address that no Pod stands behind. */
function way(): object[] {
  const metadata = { name, namespace: 'kube-system' };
  const [service, version] = [{ name, namespace: 'kube-system' }, 'v1beta1'];
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ name: 'https', port: 443, targetPort: port }] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [net.nodeAddress], conditions: { ready: true } }],
      ports: [{ name: 'https', protocol: 'TCP', port }],
    },
    {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: apiService },
      spec: {
        ...{ service, version, group: 'metrics.k8s.io', insecureSkipTLSVerify: true },
        ...{ groupPriorityMinimum: 100, versionPriority: 100 },
      },
    },
  ];
}

async function kubectl(cluster: Cluster, verb: 'apply' | 'delete', items: object[], ...more: string[]): Promise<void> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  await run(program, [`--kubeconfig=${cluster.layout.adminKubeconfig}`, verb, '-f', '-', ...more], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  });
}

async function isAvailable(cluster: Cluster): Promise<boolean> {
  const { status, body } = await apiRequest(cluster, `/apis/apiregistration.k8s.io/v1/apiservices/${apiService}`);
  if (status !== 200) return false;
  const { conditions = [] } = JSON.parse(body).status as { conditions?: { type: string; status: string }[] };
  return conditions.some((one) => one.type === 'Available' && one.status === 'True');
}

/**
 * Starts Kubernetes' metrics-server unless it runs, as a process beside the kubelets, of which it asks /metrics/resource every ten
 * seconds; returns when the API server passes requests for metrics.k8s.io on to it. Builds it first where it is not in the cache.
 */
export async function startMetricsServer(cluster: Cluster): Promise<void> {
  const { layout } = cluster;
  const tools = await ensureTools([name]);
  const kubeconfig = path.join(layout.state, `${name}.conf`);
  writeKubeconfig(layout, name, `https://${net.nodeAddress}:${net.apiPort}`, kubeconfig);
  await kubectl(cluster, 'apply', [...rights(), ...way()]);
  const kubeconfigs = ['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'];
  startService(cluster, {
    name,
    argv: [
      tools.bin(name),
      ...kubeconfigs.map((flag) => `--${flag}=${kubeconfig}`),
      `--bind-address=${net.nodeAddress}`,
      `--secure-port=${port}`,
      `--cert-dir=${path.join(layout.state, name)}`,
      '--kubelet-preferred-address-types=InternalIP',
      '--kubelet-use-node-status-port',
      // The nodes' serving certificates are their own.
      '--kubelet-insecure-tls',
      ...['--metric-resolution=10s', '--kubelet-request-timeout=8s'],
    ],
    place: 'network',
  });
  await waitForService(cluster, name, 60_000, () => isAvailable(cluster));
}

/** Ends it; the API service goes first, for namespaces cannot be removed while one does not answer. */
export async function stopMetricsServer(cluster: Cluster): Promise<void> {
  await kubectl(cluster, 'delete', [...way().reverse(), ...rights()], '--ignore-not-found');
  await stopService(cluster, name);
}
