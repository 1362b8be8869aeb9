import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { identify, isAlive, type ProcessId, signal, waitGone } from '../lib/processes.ts';
import { waitFor } from '../lib/wait.ts';
import { makeCgroup } from './cgroups.ts';
import { type Cluster, saveCluster } from './state.ts';

export interface Service {
  name: string;
  argv: readonly string[];
  /** What the process calls itself; the program's path unless said. */
  argv0?: string;
  env?: Record<string, string>;
  cwd?: string;
  /** 'node': the cluster's network and mount namespaces; 'network': only the former; 'host': neither. */
  place: 'node' | 'network' | 'host';
}

/** nsenter's arguments that lead into the cluster's namespaces; empty for the host. */
export function enterArguments(cluster: Cluster, place: Service['place']): string[] {
  if (place === 'host') return [];
  const { netns, mountns, cgroupns } = cluster.layout;
  const node = [`--mount=${mountns}`, ...(cluster.state.ownCgroups ? [`--cgroup=${cgroupns}`] : [])];
  return ['nsenter', `--net=${netns}`, ...(place === 'node' ? node : []), '--'];
}

/** The command that runs `argv` inside the cluster's namespaces, in a given directory. */
export function inside(
  cluster: Cluster,
  place: Service['place'],
  argv: readonly string[],
  cwd = '/',
  argv0 = argv[0] ?? '',
): string[] {
  const inner = ['bash', '-c', 'cd "$1" && shift && exec -a "$0" "$@"', argv0, cwd, ...argv];
  return [...enterArguments(cluster, place), ...inner];
}

/** The command that enters cgroups, given as directories, and then runs `argv`. */
export function inCgroups(directories: readonly string[], argv: readonly string[]): string[] {
  const script = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"';
  return ['bash', '-c', script, 'start', ...directories, '--', ...argv];
}

/** The file that holds a service's stdout and stderr. */
export function logFile(cluster: Cluster, name: string): string {
  return path.join(cluster.layout.logs, `${name}.log`);
}

/** The last lines of a service's log. */
export function logTail(cluster: Cluster, name: string, lines = 25): string {
  const file = logFile(cluster, name);
  if (!existsSync(file)) return '(no log)';
  return `${readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')}\n(all of it: ${file})`;
}

/** The service's process while it runs. */
export function runningService(cluster: Cluster, name: string): ProcessId | undefined {
  const id = cluster.state.services[name];
  return id && isAlive(id) ? id : undefined;
}

/**
 * Starts a service unless it runs: in a session of its own, its output in a file, in cgroups of its own below the
 * cluster's (so that its CPU time and memory can be read, and `down` finds whatever it started).
 */
export function startService(cluster: Cluster, service: Service): ProcessId {
  const running = runningService(cluster, service.name);
  if (running) return running;
  mkdirSync(cluster.layout.logs, { recursive: true });
  const cgroups = makeCgroup(`${cluster.layout.cgroup}/services/${service.name}`);
  const argv = inside(cluster, service.place, service.argv, service.cwd, service.argv0);
  const [command = '', ...args] = inCgroups(cgroups, argv);
  const log = openSync(logFile(cluster, service.name), 'a');
  try {
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...service.env },
    });
    child.unref();
    const id = child.pid === undefined ? undefined : identify(child.pid);
    if (!id) throw new Error(`${service.name} did not start:\n${logTail(cluster, service.name)}`);
    cluster.state.services[service.name] = id;
    saveCluster(cluster);
    return id;
  } finally {
    closeSync(log);
  }
}

/** Waits until `ready` is true; a service that ends meanwhile, or the time limit, is an error that shows the end of its log. */
export async function waitForService(
  cluster: Cluster,
  name: string,
  timeout: number,
  ready: () => Promise<boolean> | boolean,
): Promise<void> {
  try {
    await waitFor(`${name} to be ready`, { timeout }, () => {
      if (!runningService(cluster, name)) throw new Error(`${name} ended`);
      return ready();
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}. The end of its log:\n${logTail(cluster, name)}`);
  }
}

/** Sends a signal to a service (SIGSTOP and SIGCONT too); false when it does not run. */
export function signalService(cluster: Cluster, name: string, sent: NodeJS.Signals): boolean {
  const id = cluster.state.services[name];
  return id !== undefined && signal(id, sent);
}

/** Ends a service with a signal and waits until it is gone; after `timeout` ms (10 s unless said) it is killed. */
export async function stopService(
  cluster: Cluster,
  name: string,
  sent: NodeJS.Signals = 'SIGTERM',
  timeout = 10_000,
): Promise<void> {
  const id = runningService(cluster, name);
  if (!id) return;
  signal(id, sent);
  try {
    await waitGone(id, timeout);
  } catch {
    signal(id, 'SIGKILL');
    await waitGone(id, 5000);
  }
  delete cluster.state.services[name];
  saveCluster(cluster);
}
