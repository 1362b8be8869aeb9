import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { makeCgroup, removeCgroup } from '../cluster/cgroups.ts';
import { tryRun } from '../lib/run.ts';
import { waitFor } from '../lib/wait.ts';

/** Mounts that a program finds on every machine. The machine's own kernel settings stay: the agent sees files with what it wants. */
const PREPARE = `
set -e
mount --make-rprivate /
mkdir -p $1/proc $1/sys $1/dev $1/tmp $1/run
mount -t proc proc $1/proc
mount --rbind /sys $1/sys
mount -t tmpfs tmpfs $1/dev
mount -t tmpfs tmpfs $1/tmp
mount -t tmpfs tmpfs $1/run
for n in null zero full random urandom; do : > $1/dev/$n; mount --bind /dev/$n $1/dev/$n; done
mount --bind $1/proc/sys $1/proc/sys; mount -o remount,bind,ro $1/proc/sys
for kv in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
  f=$1/run/$(basename \${kv%=*}); echo \${kv#*=} > $f; mount --bind $f $1/proc/sys/\${kv%=*}
done
ip link set lo up
root=$1; shift
exec chroot $root "$@"
`;

/** The command line that runs something in a root: in mount and network namespaces of its own, as the same process. */
export function inRoot(root: string, command: readonly string[]): string[] {
  return ['unshare', '--mount', '--net', 'sh', '-c', PREPARE, 'prepare', root, ...command];
}

/** kubelet-ts as an agent in a bare root, without API server and runtime. */
export class BareAgent {
  readonly #child: ChildProcess;
  readonly #cgroup: string;
  #said = '';

  private constructor(child: ChildProcess, cgroup: string) {
    this.#child = child;
    this.#cgroup = cgroup;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
      });
    }
  }

  /** Starts `program` (a path inside the root) in a cgroup of its own. Resolves when its health endpoint answers. */
  static async start(root: string, program: string): Promise<BareAgent> {
    const cgroup = `/kubelet-ts-bare-${process.pid}`;
    makeCgroup(cgroup);
    mkdirSync(path.join(root, 'etc/kubernetes/manifests'), { recursive: true });
    const [command = '', ...args] = inRoot(root, [
      program,
      '--enable-server=false',
      '--pod-manifest-path=/etc/kubernetes/manifests',
      `--cgroup-root=${cgroup}`,
      '--fail-cgroupv1=false',
      '--container-runtime-endpoint=unix:///run/none.sock',
    ]);
    const agent = new BareAgent(spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} }), cgroup);
    try {
      await agent.#healthy();
      return agent;
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw error;
    }
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const rollup = readFileSync(`/proc/${this.pid}/smaps_rollup`, 'utf8');
    return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)![1]) * 1024;
  }

  /** Ends it with SIGTERM. Returns its exit code, or the signal that ended it. */
  async end(): Promise<number | NodeJS.Signals | null> {
    this.#child.kill('SIGTERM');
    await waitFor('the agent to end', { timeout: 60_000 }, () => !this.#running());
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  async #healthy(): Promise<void> {
    const ask =
      "fetch('http://127.0.0.1:10248/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))";
    await waitFor('the health endpoint', { timeout: 120_000, interval: 500 }, async () => {
      if (!this.#running()) throw new Error(`the agent ended with ${this.#child.exitCode}:\n${this.#said}`);
      const enter = ['-t', String(this.pid), '-n', process.execPath, '-e', ask];
      return (await tryRun('nsenter', enter)).code === 0;
    });
  }

  #running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running()) this.#child.kill('SIGKILL');
    await waitFor('the agent to be gone', { timeout: 60_000 }, () => !this.#running());
    await removeCgroup(this.#cgroup);
  }
}
