import path from 'node:path';
import { cachedBundle } from '../build.ts';
import { cacheDir, repoRoot } from '../lib/paths.ts';
import { tryRun } from '../lib/run.ts';
import { ensureTools } from '../tools/ensure.ts';
import { controlOf, nodeAddress } from './addresses.ts';
import { apiRequest } from './apiRequest.ts';
import { writeNodeFiles } from './kubeletConfig.ts';
import { net } from './layout.ts';
import { issueNode, writeKubeconfig } from './pki.ts';
import { enterArguments, startService, stopService, waitForService } from './service.ts';
import { type Cluster, type KubeletKind, openCluster, saveCluster } from './state.ts';

/** Differences from the usual start. */
export interface KubeletOptions {
  /** Top-level KubeletConfiguration fields to set instead of the usual ones. */
  config?: object;
  /** More command-line arguments. */
  args?: readonly string[];
  env?: Record<string, string>;
  /** The program instead of this checkout's kubelet-ts: a bundle (.mjs) or an executable of another one. */
  program?: string;
}

/** The arguments that both kubelets get. */
async function kubeletArguments(cluster: Cluster, options: KubeletOptions): Promise<string[]> {
  const { layout } = cluster;
  const args = [
    `--config=${writeNodeFiles(cluster, options.config)}`,
    '--root-dir=/var/lib/kubelet',
    `--hostname-override=${layout.nodeName}`,
    `--node-ip=${nodeAddress(cluster)}`,
    '--v=2',
  ];
  const control = controlOf(cluster);
  if (control) {
    const kubeconfig = path.join(layout.node, 'kubeconfig');
    const identity = cluster.state.joined ? layout.nodeName : 'node';
    if (cluster.state.joined) await issueNode(control, identity);
    writeKubeconfig(control, identity, `https://${net.nodeAddress}:${net.apiPort}`, kubeconfig);
    args.push(`--kubeconfig=${kubeconfig}`);
  }
  if (cluster.state.ownCgroups) args.push('--runtime-cgroups=/services/containerd');
  return [...args, ...(options.args ?? [])];
}

/** The command of the Go kubelet, or of kubelet-ts: `program` (KubeletOptions) or this checkout's. */
export async function kubeletProgram(kind: 'go' | 'ts', program?: string): Promise<string[]> {
  if (kind === 'go') return [(await ensureTools(['kubernetes'])).bin('kubelet')];
  if (program !== undefined) return program.endsWith('.mjs') ? [process.execPath, program] : [program];
  // For runs on the executable of `npm run build`: KUBELET_TS_EXECUTABLE=dist/kubelet-ts.
  const executable = process.env.KUBELET_TS_EXECUTABLE;
  return executable ? [path.resolve(repoRoot, executable)] : [process.execPath, await cachedBundle()];
}

/** What the kubelet's process has in its environment. */
export function kubeletEnvironment(): Record<string, string> {
  return { UV_THREADPOOL_SIZE: '16', NODE_COMPILE_CACHE: path.join(cacheDir(), 'node-compile-cache') };
}

/** The status line of a GET inside the cluster's network namespace; empty when nothing answers within 2 s. */
export async function insideStatus(cluster: Cluster, port: number, url: string): Promise<string> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${url} HTTP/1.0\\r\\n\\r\\n' >&3 && timeout 2 head -n 1 <&3`;
  const [command = '', ...args] = [...enterArguments(cluster, 'network'), 'bash', '-c', script];
  return (await tryRun(command, args)).stdout.trim();
}

/**
 * Starts the Go kubelet or kubelet-ts on the cluster's node unless a kubelet runs; returns when its health endpoint says
 * ok. Whether the node is Ready is another matter: see waitForNodeReady.
 */
export async function startKubelet(cluster: Cluster, kind: 'go' | 'ts', options: KubeletOptions = {}): Promise<void> {
  const program = await kubeletProgram(kind, options.program);
  cluster.state.kubelet = kind;
  startService(cluster, {
    name: 'kubelet',
    argv: [...program, ...(await kubeletArguments(cluster, options))],
    argv0: 'kubelet', // suites find the kubelet by this name
    env: { ...kubeletEnvironment(), ...options.env },
    cwd: repoRoot,
    place: 'node',
  });
  await waitForService(cluster, 'kubelet', 60_000, async () => {
    return (await insideStatus(cluster, 10_248, '/healthz')).includes(' 200 ');
  });
}

/** Ends the kubelet with a signal and waits until it is gone. Its Pods go on. */
export async function stopKubelet(cluster: Cluster, sent: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  await stopService(cluster, 'kubelet', sent);
}

interface NodeObject {
  status?: { conditions?: { type: string; status: string }[] };
}

/** Waits until the node's Ready condition is True. */
export async function waitForNodeReady(cluster: Cluster, timeout = 60_000): Promise<void> {
  const { joined } = cluster.state;
  const control = joined ? openCluster(joined.cluster) : cluster;
  await waitForService(cluster, 'kubelet', timeout, async () => {
    const answer = await apiRequest(control, `/api/v1/nodes/${cluster.layout.nodeName}`).catch(() => undefined);
    if (answer?.status !== 200) return false;
    const node = JSON.parse(answer.body) as NodeObject;
    return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  });
}

/** Remembers that a cluster runs without a kubelet of ours. */
export function noteKubelet(cluster: Cluster, kind: KubeletKind): void {
  cluster.state.kubelet = kind;
  saveCluster(cluster);
}
