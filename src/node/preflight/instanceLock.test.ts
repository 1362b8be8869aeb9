import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { failure, until } from '../../lib/fake/until.ts';
import { silentLogger } from '../../lib/logger.ts';
import { claimNode } from './instanceLock.ts';
import { holdLockFile } from './lockContention.ts';

let directory: string;
let own: AsyncDisposableStack;
let children: ChildProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'claim-'));
  mkdirSync(join(directory, 'run'));
  own = new AsyncDisposableStack();
  children = [];
});
afterEach(async () => {
  await own.disposeAsync();
  for (const child of children) {
    child.stdin?.end();
    child.kill('SIGKILL');
  }
  rmSync(directory, { recursive: true });
});

const endpoint = (folder = 'run', socket = 'containerd.sock') => `unix://${join(directory, folder, socket)}`;
const claim = async (root: string, runtime = endpoint()) =>
  own.use(await claimNode(join(directory, root), runtime, silentLogger));

async function otherProcess(lock: string): Promise<ChildProcess> {
  const child = spawn('flock', ['-o', lock, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

test('two roots on two runtimes live side by side', async () => {
  await claim('one', endpoint('run', 'a.sock'));
  await claim('two', endpoint('run', 'b.sock'));
});

test('a second kubelet on the root directory is refused; the sentence names the first', async () => {
  await claim('root');
  const error = (await failure(claim('root', endpoint('run', 'other.sock')))) as Error;
  expect(error.message).toMatch(
    /^the root directory \S+\/root is in use by another kubelet \(process \d+, by the lock /,
  );
  expect(error.message).toContain(`process ${process.pid},`);
  expect(error.message).toMatch(/another --root-dir$/);
});

test('a second kubelet on the runtime is refused, whatever the spelling of its socket', async () => {
  await claim('one');
  symlinkSync(join(directory, 'run'), join(directory, 'var-run'));
  const error = (await failure(claim('two', endpoint('var-run')))) as Error;
  expect(error.message).toMatch(
    /^the container runtime unix:\S+ is in use by another kubelet .*containerRuntimeEndpoint$/,
  );
});

test('a refusal gives back what it had claimed before', async () => {
  await claim('one');
  await failure(claim('two'));
  await claim('two', endpoint('run', 'free.sock'));
});

test('a killed kubelet leaves no claim behind', async () => {
  mkdirSync(join(directory, 'root/kubelet-ts'), { recursive: true });
  const lock = join(directory, 'root/kubelet-ts/kubelet.lock');
  writeFileSync(lock, '4711\n');
  const other = await otherProcess(lock);
  expect(((await failure(claim('root'))) as Error).message).toContain('(process 4711,');
  other.kill('SIGKILL');
  await once(other, 'exit');
  await claim('root');
  expect(readFileSync(lock, 'utf8')).toBe(`${process.pid}\n`);
});

test('a runtime whose directory is not there yet cannot be claimed, and is no obstacle', async () => {
  await claim('one', endpoint('nowhere'));
});

describe('--lock-file', () => {
  const tools = (clock = new ManualClock()) => {
    const contentions: Error[] = [];
    return { clock, log: silentLogger, contentions, onContention: (error: Error) => void contentions.push(error) };
  };

  test('it waits for the holder, then tells who opens the file next', async () => {
    const lock = join(directory, 'file.lock');
    const other = await otherProcess(lock);
    const { contentions, ...rest } = tools();
    let held = false;
    const holding = holdLockFile(lock, true, rest).then((handle) => {
      held = true;
      return own.use(handle);
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(held).toBe(false);
    other.kill('SIGKILL');
    await holding;
    rest.clock.advance(1000);
    await until(() => rest.clock.pending === 1); // it has looked, and looks again later
    expect(contentions).toEqual([]);
    readFileSync(lock);
    rest.clock.advance(1000);
    await until(() => contentions.length === 1);
    expect(contentions[0]!.message).toContain(lock);
  });

  test('a file that cannot be made is one sentence', async () => {
    const error = await failure(holdLockFile(join(directory, 'no/file'), false, tools()));
    expect((error as Error).message).toMatch(/^--lock-file \S+ cannot be locked: ENOENT/);
  });
});
