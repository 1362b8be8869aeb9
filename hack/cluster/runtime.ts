import path from 'node:path';
import { ensurePackages } from '../lib/apt.ts';
import { say } from '../lib/log.ts';
import { run, which } from '../lib/run.ts';
import { areToolsBuilt, ensureTools } from '../tools/ensure.ts';

/** The programs of a container runtime. */
export interface RuntimePrograms {
  containerd: string;
  ctr: string;
  runc: string;
  /** The directory of containerd-shim-runc-v2. */
  shimDir: string;
  cniDir: string;
  /** containerd 1.x reads configuration version 2 with other section names. */
  major: 1 | 2;
}

/** The runtime built from Go modules; builds it where that has not happened yet (about three minutes on two cores). */
export async function builtRuntime(): Promise<RuntimePrograms> {
  const tools = await ensureTools(['containerd', 'runc', 'cni']);
  return {
    containerd: tools.bin('containerd'),
    ctr: tools.bin('ctr'),
    runc: tools.bin('runc'),
    shimDir: tools.dir('containerd-shim-runc-v2'),
    cniDir: tools.dir('bridge'),
    major: 2,
  };
}

/** The machine's own runtime; installs Debian's where there is none. */
export async function systemRuntime(): Promise<RuntimePrograms> {
  if (!(await which('containerd'))) await ensurePackages(['containerd', 'runc']);
  await ensurePackages(['containernetworking-plugins']);
  const [containerd, ctr, runc] = await Promise.all(['containerd', 'ctr', 'runc'].map(which));
  if (!containerd || !ctr || !runc) throw new Error('containerd, ctr and runc must be in PATH');
  const version = await run(containerd, ['--version']);
  const [, number = ''] = /\bv?(\d+\.\d+\.\d+)/.exec(version) ?? [];
  const major = Number.parseInt(number, 10) >= 2 ? 2 : 1;
  say(`using ${containerd} ${number}`);
  if (/^1\.[0-6]\./.test(number)) {
    say(
      'it has no container event stream, so the kubelet lists the containers every second instead; no image volumes either',
    );
  }
  return { containerd, ctr, runc, shimDir: path.dirname(containerd), cniDir: '/usr/lib/cni', major };
}

/** The quickest way to a runtime: the built one if it is in the cache, else the machine's own. */
export async function quickRuntime(): Promise<RuntimePrograms> {
  return areToolsBuilt(['containerd', 'runc', 'cni']) ? builtRuntime() : systemRuntime();
}
