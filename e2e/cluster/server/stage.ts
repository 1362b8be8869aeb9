// What the tests of the kubelet's server share: kubectl, Pods, and what the kubelet's process holds.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cgroupDirectories } from '../../../hack/cluster/cgroups.ts';
import { inside, runningService } from '../../../hack/cluster/service.ts';
import type { Cluster } from '../../../hack/cluster/state.ts';
import { type RunResult, run, tryRun } from '../../../hack/lib/run.ts';
import { waitFor } from '../../../hack/lib/wait.ts';
import { ensureTools } from '../../../hack/tools/ensure.ts';
import { type Checks, untilCondition } from '../checks.ts';

/** Where a part of the server's tests plays. */
export interface Stage {
  readonly cluster: Cluster;
  readonly namespace: string;
  readonly checks: Checks;
  /** Sizes as the project's goals state them. */
  readonly full: boolean;
}

export type Output = RunResult & { readonly bytes: Buffer };

export const sha = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

/** What is wrong when a text is not the wanted one. */
export const same = (found: string, wanted: string): string | undefined =>
  found === wanted ? undefined : `${JSON.stringify(found.slice(0, 300))} instead of ${JSON.stringify(wanted)}`;

/** kubectl in the stage's namespace; its output, exit code and input are looked at. `input` may be large. */
export async function kubectlRaw(
  { cluster, namespace }: Stage,
  args: readonly string[],
  input: Buffer | string = '',
): Promise<Output> {
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const child = spawn(program, [`--kubeconfig=${cluster.layout.adminKubeconfig}`, `--namespace=${namespace}`, ...args]);
  const out: Buffer[] = [];
  let stderr = '';
  return new Promise((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += String(chunk);
    });
    child.stdin.on('error', () => {}); // a command that reads no input may be over before it is written
    child.stdin.end(input);
    child.on('error', reject);
    child.on('close', (code) => {
      const bytes = Buffer.concat(out);
      resolve({ code: code ?? 255, stdout: bytes.toString(), stderr, bytes });
    });
  });
}

/** As kubectlRaw; throws with its output when it fails. */
export async function kubectlOk(stage: Stage, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await kubectlRaw(stage, args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit code ${code}: ${stderr || stdout}`);
  return stdout;
}

/** A Pod of a busybox container `main` with this script and a `side` one, Ready unless `ready` is false. */
export async function makePod(
  stage: Stage,
  name: string,
  script: string,
  spec: { readonly ready?: boolean; readonly container?: object; readonly pod?: object } = {},
): Promise<void> {
  const { cluster, namespace } = stage;
  const main = { name: 'main', image: 'busybox:1.37', command: ['sh', '-c', script], ...spec.container };
  const side = { name: 'side', image: 'busybox:1.37', command: ['sh', '-c', 'echo side; exec sleep 9999'] };
  const own = { nodeName: cluster.layout.nodeName, terminationGracePeriodSeconds: 1, containers: [main, side] };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { ...own, ...spec.pod } };
  const program = (await ensureTools(['kubernetes'])).bin('kubectl');
  const admin = `--kubeconfig=${cluster.layout.adminKubeconfig}`;
  await run(program, [admin, 'apply', '-f', '-'], { input: JSON.stringify(pod) });
  if (spec.ready !== false) await untilCondition(cluster, ['pod', name, `--namespace=${namespace}`], 'Ready', 120_000);
}

/** Removes Pods that a part made. */
export async function removePods(stage: Stage, ...names: readonly string[]): Promise<void> {
  await kubectlRaw(stage, ['delete', 'pod', ...names, '--ignore-not-found', '--timeout=90s']);
}

/** What the kubelet's process holds, and what runs in the Pods' cgroups. */
export interface Held {
  readonly fds: number;
  readonly rssMiB: number;
  /** Descriptors of the runtime. */
  readonly runtimeFds: number;
  readonly podProcesses: number;
}

export function held(cluster: Cluster): Held {
  const pid = pidOf(cluster, 'kubelet');
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    fds: readdirSync(`/proc/${pid}/fd`).length,
    rssMiB: Number(rss) / 1024,
    runtimeFds: readdirSync(`/proc/${pidOf(cluster, 'containerd')}/fd`).length,
    podProcesses: podPids(cluster).size,
  };
}

function pidOf(cluster: Cluster, service: string): number {
  const pid = runningService(cluster, service)?.pid;
  if (pid === undefined) throw new Error(`the service ${service} does not run`);
  return pid;
}

function podPids(cluster: Cluster): Set<string> {
  const pids = new Set<string>();
  for (const directory of cgroupDirectories(`${cluster.layout.cgroup}/kubepods`)) {
    try {
      for (const pid of readFileSync(path.join(directory, 'cgroup.procs'), 'utf8').split('\n')) pids.add(pid);
    } catch {
      // The Pod ended meanwhile.
    }
  }
  pids.delete('');
  return pids;
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '(ended)';
  }
}

/**
 * Waits until descriptors and processes are back where they were; otherwise says what is too many. Idle connections of the API server
 * may stay for their 90 s.
 */
export async function settled(cluster: Cluster, before: Held): Promise<string | undefined> {
  const back = () => {
    const now = held(cluster);
    const few = now.fds <= before.fds + 5 && now.runtimeFds <= before.runtimeFds + 10;
    return few && now.podProcesses <= before.podProcesses;
  };
  try {
    await waitFor('descriptors and processes', { timeout: 120_000, interval: 1000 }, back);
    return undefined;
  } catch {
    const running = [...podPids(cluster)].map(commandOf).join('; ');
    return `before ${JSON.stringify(before)}, after ${JSON.stringify(held(cluster))}, running: ${running}`;
  }
}

/** The administrator's client certificate, as files and as contents. */
export function admin(cluster: Cluster) {
  const file = (name: string): string => path.join(cluster.layout.pki, name);
  const files = { ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') };
  const read = (name: keyof typeof files): Buffer => readFileSync(files[name]);
  return { files, ca: read('ca'), cert: read('cert'), key: read('key') };
}

/** Runs a program on the node; its output. */
export async function onNode(
  cluster: Cluster,
  place: 'node' | 'network',
  ...argv: readonly string[]
): Promise<RunResult> {
  const [command = '', ...args] = inside(cluster, place, argv);
  return tryRun(command, args);
}

/** A path of the kubelet behind the API server. */
export const proxy = (cluster: Cluster, rest: string): string =>
  `/api/v1/nodes/${cluster.layout.nodeName}/proxy/${rest}`;
