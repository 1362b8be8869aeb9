// kubectl exec, attach, debug and cp.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from '../../../hack/lib/run.ts';
import { waitFor } from '../../../hack/lib/wait.ts';
import { ensureTools } from '../../../hack/tools/ensure.ts';
import { openExec } from './apiStreams.ts';
import { held, kubectlOk, kubectlRaw, makePod, removePods, type Stage, same, settled, sha } from './stage.ts';

/** exec without a terminal: output, exit codes, large inputs and outputs. */
export async function commands(stage: Stage): Promise<void> {
  const { checks, full } = stage;
  await makePod(stage, 'srv-a', 'exec cat', { container: { stdin: true } });
  const exec = (args: string[], input?: Buffer) =>
    kubectlRaw(stage, ['exec', ...(input ? ['-i'] : []), 'srv-a', '-c', 'main', '--', ...args], input);
  await checks.check('exec: output, errors and exit code', async () => {
    const { stdout, stderr, code } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 42']);
    return stdout === 'out\n' && stderr.startsWith('err\n') && code === 42 ? undefined : `${stdout}${stderr}${code}`;
  });
  await checks.check('exec of what does not exist', async () => {
    const { stderr, code } = await exec(['/no/such/program']);
    return code !== 0 && /no such file or directory/.test(stderr) ? undefined : stderr;
  });
  const [inputSize, bothSize] = full ? [100_000_000, 30_000_000] : [20_000_000, 5_000_000];
  await checks.check(`${inputSize / 1e6} MB through the standard input of exec are unharmed`, async () => {
    const data = randomBytes(inputSize);
    const { stdout, stderr } = await exec(['sha256sum'], data);
    return same(stdout.split(' ')[0] || stderr, sha(data));
  });
  await checks.check(`${bothSize / 1e6} MB through standard input and output are unharmed`, async () => {
    const data = randomBytes(bothSize);
    const { bytes } = await exec(['cat'], data);
    return same(sha(bytes), sha(data));
  });
  for (const webSockets of [true, false]) {
    const way = webSockets ? 'WebSocket' : 'SPDY';
    await checks.check(`exec -it over ${way}: the size of the terminal, its changes, and the exit code`, () =>
      terminal(stage, webSockets),
    );
  }
  await checks.check('attach -i reaches the process and shows its answer', async () => {
    const { stdout } = await kubectlRaw(stage, ['attach', '-i', '-q', 'srv-a', '-c', 'main'], 'hello\n');
    return stdout.includes('hello') ? undefined : stdout;
  });
  await checks.check('debug starts an ephemeral container and attaches to it', async () => {
    const script = 'read word; echo debugged $word';
    const args = ['debug', '-q', '-i', 'srv-a', '--image=busybox:1.37', '--profile=general', '--', 'sh', '-c', script];
    const { stdout, stderr } = await kubectlRaw(stage, args, 'in\n');
    return stdout.includes('debugged in') ? undefined : stdout + stderr;
  });
  await checks.check('cp both ways', () => copies(stage));
  await removePods(stage, 'srv-a');
}

/** kubectl in a terminal of its own (script(1)), which is resized while the command runs. */
async function terminal(stage: Stage, webSockets: boolean): Promise<string | undefined> {
  const kubectl = (await ensureTools(['kubernetes'])).bin('kubectl');
  const { layout } = stage.cluster;
  // The first size comes a moment after the terminal.
  const until = (size: string) => `until [ "$(stty size)" = "${size}" ]; do sleep 0.1; done`;
  const inner = `${until('30 90')}; stty size; ${until('40 100')}; echo resized; exit 7`;
  const exec = `${kubectl} --kubeconfig=${layout.adminKubeconfig} -n ${stage.namespace} exec -it srv-a -c main`;
  const command = `tty; stty rows 30 cols 90; exec ${exec} -- sh -c '${inner}'`;
  const env = {
    ...process.env,
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(webSockets),
    SHELL: '/bin/sh',
    TERM: 'vt100',
  };
  const child = spawn('script', ['-qefc', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const code = endOf(child);
  try {
    const size = () => /^30 90\r?$/m.test(text);
    await waitFor('the first size', { timeout: 60_000 }, () => size() || child.exitCode !== null);
    const tty = /^(\/dev\/pts\/\d+)\r?$/m.exec(text)?.[1];
    if (!size() || !tty) return `the terminal's size did not arrive: ${JSON.stringify(text)}`;
    await run('stty', ['-F', tty, 'rows', '40', 'cols', '100']);
    await waitFor('the new size', { timeout: 30_000 }, () => text.includes('resized') || child.exitCode !== null);
    return (await code) === 7 && text.includes('resized') ? undefined : `${await code}: ${JSON.stringify(text)}`;
  } finally {
    child.kill('SIGTERM');
  }
}

const endOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => child.once('close', (code) => resolve(code ?? 255)));

async function copies(stage: Stage): Promise<string | undefined> {
  const dir = mkdtempSync(path.join(tmpdir(), 'server-e2e-'));
  try {
    const data = randomBytes(5_000_000);
    const [there, back] = [path.join(dir, 'there'), path.join(dir, 'back')];
    writeFileSync(there, data);
    await kubectlOk(stage, 'cp', there, 'srv-a:/tmp/data', '-c', 'main');
    await kubectlOk(stage, 'cp', 'srv-a:/tmp/data', back, '-c', 'main');
    return same(sha(readFileSync(back)), sha(data));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Many execs, one after the other: descriptors, processes and memory of kubelet and runtime come back. */
export async function manyExecs(stage: Stage): Promise<void> {
  const { cluster, checks } = stage;
  await makePod(stage, 'srv-x', 'exec sleep 9999');
  const one = async () => {
    const session = await openExec(stage, 'srv-x', ['sh', '-c', 'echo hello; exit 3']);
    const code = await session.ended;
    if (code !== 3 || session.output() !== 'hello\n') throw new Error(`exit code ${code}: ${session.output()}`);
  };
  for (let i = 0; i < 100; i++) await one(); // buffers and compiled code reach their size
  const before = held(cluster);
  await checks.check('1000 execs in a row, each with its output and exit code, leave nothing behind', async () => {
    for (let i = 0; i < 1000; i++) await one();
    const left = await settled(cluster, before);
    const grown = held(cluster).rssMiB - before.rssMiB;
    return left ?? (grown < 40 ? undefined : `${grown.toFixed(0)} MiB more than before`);
  });
  await removePods(stage, 'srv-x');
}
