import path from 'node:path';
import { startKubelet, stopKubelet } from '../cluster/control.ts';
import { net } from '../cluster/layout.ts';
import { writeKubeconfig } from '../cluster/pki.ts';
import { inside, startService, stopService } from '../cluster/service.ts';
import type { Cluster } from '../cluster/state.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import type { Shape } from './pods.ts';

/** `before`: kubelet-ts of another checkout. */
export type Agent = 'null' | 'go' | 'ts' | 'before';

interface AgentOptions {
  readonly args?: readonly string[];
  /** The bundle of another checkout. */
  readonly before?: string | undefined;
  /** Fields of the KubeletConfiguration instead of the usual ones. */
  readonly config?: object;
}

/** Starts the agent, does something, and ends the agent again. */
export async function withAgent<T>(
  cluster: Cluster,
  agent: Agent,
  { args = [], before, config }: AgentOptions,
  work: () => Promise<T>,
): Promise<T> {
  const more = config ? { config } : {};
  if (agent === 'null') startNull(cluster);
  else if (agent === 'before')
    await startKubelet(cluster, 'ts', { args, ...more, ...(before ? { program: before } : {}) });
  else await startKubelet(cluster, agent, { args, ...more });
  try {
    return await work();
  } finally {
    if (agent === 'null') await stopService(cluster, 'null-agent', 'SIGTERM');
    else await stopKubelet(cluster);
  }
}

function startNull(cluster: Cluster): void {
  const { layout } = cluster;
  const kubeconfig = path.join(layout.node, 'null-kubeconfig');
  writeKubeconfig(layout, 'node', `https://${net.nodeAddress}:${net.apiPort}`, kubeconfig);
  const argv = [
    process.execPath,
    path.join(repoRoot, 'hack/bench/nullAgent.ts'),
    '--kubeconfig',
    kubeconfig,
    '--endpoint',
    `unix://${layout.containerdSocket}`,
    '--node',
    layout.nodeName,
    '--cgroup-root',
    layout.cgroup,
  ];
  startService(cluster, { name: 'null-agent', argv, cwd: repoRoot, place: 'node', env: { UV_THREADPOOL_SIZE: '16' } });
}

/** Milliseconds per Pod, in the order of creation. */
export interface Sample {
  readonly starts: readonly number[];
  readonly deletes: readonly number[];
}

/** Runs the measuring client inside the cluster's network. */
export async function measure(
  cluster: Cluster,
  shape: Shape,
  how: { count: number } | { burst: number },
  prefix: string,
): Promise<Sample> {
  const size = 'count' in how ? ['--count', String(how.count)] : ['--burst', String(how.burst)];
  const argv = [
    process.execPath,
    path.join(repoRoot, 'hack/bench/measure.ts'),
    '--kubeconfig',
    cluster.layout.insideKubeconfig,
    '--node',
    cluster.layout.nodeName,
    '--shape',
    shape,
    '--prefix',
    prefix,
    ...size,
  ];
  const [command = '', ...rest] = inside(cluster, 'network', argv, repoRoot);
  const output = await run(command, rest);
  const line = output.trim().split('\n').at(-1) ?? '';
  return JSON.parse(line) as Sample;
}
