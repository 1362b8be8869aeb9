import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { KUBERNETES_VERSION, PROGRAM_VERSION } from '../../src/config/version.ts';
import type { Check } from '../lib/checks.ts';
import { repoRoot } from '../lib/paths.ts';
import { run } from '../lib/run.ts';
import { BareAgent, inRoot } from './bareAgent.ts';
import { executableName } from './executable.ts';
import { makeRoot, ROOTS, type RootName } from './roots.ts';

/** Where the executable lies in a root, its libraries beside it. */
const HOME = '/opt/kubelet-ts';
const PROGRAM = path.join(HOME, executableName);
const MIB = 1024 * 1024;
/** What an agent without Pods may take. */
const MAX_RESIDENT = 80 * MIB;
/** How much slower than an empty script of Node `--version` may be: 1.9 to 2.7 times was seen, without the code cache 4 to 6. */
const MAX_START_RATIO = 3.5;

/** What is checked of the executable in `directory`: that it starts fast, and runs where nothing is installed. */
export function bareChecks(directory: string): Check[] {
  return [
    ['--version starts nearly as fast as Node itself', () => startRatio(path.join(directory, executableName))],
    ...ROOTS.map((name): Check => [`runs with nothing installed: ${name}`, (work) => runsIn(name, directory, work)]),
  ];
}

async function runsIn(name: RootName, directory: string, work: string): Promise<string> {
  const root = path.join(work, name);
  await makeRoot(name, root);
  for (const file of readdirSync(directory)) {
    if (file === executableName || /\.so\b/.test(file)) cpSync(path.join(directory, file), path.join(root, HOME, file));
  }
  writeFileSync(path.join(root, 'pod.yaml'), readFileSync(path.join(repoRoot, 'hack/demo/counter.yaml')));
  assert.equal(await output(root, '--version'), `Kubernetes ${KUBERNETES_VERSION}\n`);
  assert.match(await output(root, 'version'), new RegExp(`^kubelet-ts ${PROGRAM_VERSION}\n`));
  assert.match(await output(root, 'plan', '/pod.yaml'), /createSandbox|sandbox/i);
  // How much of the file the kernel maps at once depends on what else the machine reads; the least of three counts.
  let least = Infinity;
  for (let i = 0; i < 3 && least > MAX_RESIDENT; i++) {
    await dropFromPageCache(path.join(root, PROGRAM));
    least = Math.min(least, await runAsAgent(root));
  }
  assert.ok(least <= MAX_RESIDENT, `${(least / MIB).toFixed(1)} MiB are resident`);
  return `${(least / MIB).toFixed(1)} MiB resident`;
}

/** Starts it as an agent and ends it again. Returns the memory that was resident, in bytes. */
async function runAsAgent(root: string): Promise<number> {
  await using agent = await BareAgent.start(root, PROGRAM);
  const resident = agent.residentBytes();
  assert.deepEqual(readdirSync(`/proc/${agent.pid}/root/tmp`), [], 'files of the native addon are left');
  assert.equal(await agent.end(), 0);
  return resident;
}

/** A file that was just written lies in the page cache in large pieces; mapped, each counts as resident as a whole. */
async function dropFromPageCache(file: string): Promise<void> {
  await run('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
}

function output(root: string, ...args: string[]): Promise<string> {
  const [command = '', ...rest] = inRoot(root, [PROGRAM, ...args]);
  return run(command, rest);
}

async function startRatio(program: string): Promise<string> {
  const least = { program: Infinity, node: Infinity };
  for (let i = 0; i < 15; i++) {
    least.program = Math.min(least.program, await milliseconds(program, '--version'));
    least.node = Math.min(least.node, await milliseconds(process.execPath, '-e', '0'));
  }
  const ratio = least.program / least.node;
  const said = `${least.program.toFixed(0)} ms, Node alone ${least.node.toFixed(0)} ms: ${ratio.toFixed(1)} times`;
  assert.ok(ratio < MAX_START_RATIO, said);
  return said;
}

async function milliseconds(program: string, ...args: string[]): Promise<number> {
  const start = performance.now();
  await run(program, args);
  return performance.now() - start;
}
