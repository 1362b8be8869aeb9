// node hack/cluster/residue.ts save FILE | check FILE: what of this project is left on the machine since FILE was saved.
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { main } from '../lib/log.ts';
import { allPids, identify } from '../lib/processes.ts';
import { tryRun, which } from '../lib/run.ts';
import { cgroupDirectories, hierarchies } from './cgroups.ts';
import { clusterNames, runBase, stateBase } from './layout.ts';
import { mounts } from './mounts.ts';
import { diff, type Snapshot } from './residueDiff.ts';

/** Mount points and directories outside the project's own that a node agent or a runtime may make. */
const watchedPaths = [
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/var/log/pods',
  '/var/log/containers',
  '/run/netns',
  '/run/containerd',
  '/run/nri',
  '/run/runc',
  '/etc/cni',
  '/opt/cni',
  '/opt/containerd',
  '/usr/libexec/kubernetes',
];

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process ended meanwhile
  }
}

function namespaceOf(pid: number | 'self', kind: string): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/${kind}`);
  } catch {
    return '';
  }
}

/** Processes that only a cluster has: in its cgroups, in other namespaces than ours, or with its directories as arguments. */
function processes(): string[] {
  const home = ['net', 'mnt'].map((kind) => namespaceOf('self', kind));
  return allPids().flatMap((pid) => {
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    const cgroup = read(`/proc/${pid}/cgroup`).replaceAll('\n', ' ');
    const spaces = ['net', 'mnt'].map((kind) => namespaceOf(pid, kind));
    const foreign = spaces.some((space, index) => space !== '' && space !== home[index]);
    const named =
      [stateBase(), runBase()].some((base) => command.includes(`${base}/`)) || cgroup.includes('/kubelet-ts-');
    if (!(foreign || named) || pid === process.pid || command === '') return [];
    return [`${pid} ${identify(pid)?.start ?? ''} ${command} (${cgroup})`];
  });
}

async function output(command: string, args: string[]): Promise<string[]> {
  if (!(await which(command))) return [];
  return (await tryRun(command, args)).stdout.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function list(directory: string): string[] {
  return existsSync(directory) ? [directory, ...readdirSync(directory).map((name) => `${directory}/${name}`)] : [];
}

/**
 * The cgroups right below each root, whoever made them, and all that is in those that a cluster or a node agent makes. What others do inside
 * their own is not ours to judge.
 */
function ownCgroups(): string[] {
  const names = new Set(
    hierarchies().flatMap((root) =>
      readdirSync(root, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])),
    ),
  );
  const top = hierarchies().flatMap((root) => [...names].map((name) => `${root}/${name}`).filter(existsSync));
  const ours = [...names].filter((name) => /^(kubelet-ts-|kubepods|k8s\.io$)/.test(name));
  return [...new Set([...top, ...ours.flatMap((name) => cgroupDirectories(name))])];
}

/** What is on the machine and was not there before, looked for until nothing is: the kernel takes its time over what was removed. */
export async function leftBehind(before: Snapshot): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const left = diff(before, await snapshot(), clusterNames());
    if (left.length === 0 || tries === 30) return left;
    await delay(1000);
  }
}

/** Looks at the machine. */
export async function snapshot(): Promise<Snapshot> {
  const all = mounts();
  const rules = await Promise.all([
    output('iptables-save', []),
    output('ip6tables-save', []),
    output('nft', ['list', 'ruleset']),
  ]);
  const links = await output('ip', ['-o', 'link']);
  return {
    processes: processes().sort(),
    mounts: all.map(({ target, type, source }) => `${target} ${type} ${source}`).sort(),
    cgroups: ownCgroups().sort(),
    links: links.map((line) => line.split(':')[1]?.trim() ?? line).sort(),
    namespaces: all.filter(({ type }) => type === 'nsfs').map(({ target }) => target),
    packetFilter: rules.flat().map((line) => line.replace(/\[\d+:\d+\]/, '')),
    paths: [...watchedPaths, stateBase(), runBase()].flatMap(list).sort(),
  };
}

async function command(): Promise<void> {
  const [verb, file] = process.argv.slice(2);
  if (!file || (verb !== 'save' && verb !== 'check'))
    throw new Error('usage: node hack/cluster/residue.ts save FILE | check FILE');
  if (verb === 'save') {
    writeFileSync(file, JSON.stringify(await snapshot()));
    return;
  }
  const left = await leftBehind(JSON.parse(readFileSync(file, 'utf8')) as Snapshot);
  if (left.length > 0) throw new Error(`left behind:\n${left.join('\n')}`);
  console.log('nothing is left behind');
}

if (import.meta.main) await main(command);
