import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../fake/manualClock.ts';
import { until } from '../fake/until.ts';
import { lockFile } from './fileLock.ts';
import { bindLibc } from './libc.ts';
import { limitArenas } from './limitArenas.ts';
import { sendUnixDatagram } from './notifySocket.ts';
import { raiseOpenFiles } from './openFiles.ts';
import { watchOpens } from './watchOpens.ts';

let directory: string;
let children: ChildProcess[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'process-'));
  children = [];
});
afterEach(() => {
  for (const child of children) {
    child.stdin?.end();
    child.kill('SIGKILL');
  }
  rmSync(directory, { recursive: true });
});

/** A process that holds a flock and says so. */
async function holder(path: string): Promise<ChildProcess> {
  // -o: only flock itself holds the lock, not the program that it runs, which ends with its input.
  const child = spawn('flock', ['-o', path, 'sh', '-c', 'echo held; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

describe('file locks', () => {
  test('one holder at a time; a disposed lock is free', async () => {
    const path = join(directory, 'lock');
    const first = await lockFile(path);
    await first!.write('first\n');
    expect(await lockFile(path)).toBeUndefined();
    await first![Symbol.asyncDispose]();
    const second = await lockFile(path);
    expect(second).toBeDefined();
    expect(readFileSync(path, 'utf8')).toBe('first\n');
    await second!.write('2\n');
    expect(readFileSync(path, 'utf8')).toBe('2\n');
    await second![Symbol.asyncDispose]();
  });

  test('another process keeps it until it is killed', async () => {
    const path = join(directory, 'lock');
    const other = await holder(path);
    expect(await lockFile(path)).toBeUndefined();
    const waiting = lockFile(path, true);
    other.kill('SIGKILL');
    await (await waiting)![Symbol.asyncDispose]();
  });
});

test.each(['a path', 'an abstract name'])('a datagram reaches a unix socket by %s', async (kind) => {
  const path = join(directory, 'notify');
  const name = kind === 'a path' ? path : `@kubelet-ts-test-${process.pid}`;
  const address = kind === 'a path' ? path : `\\0${name.slice(1)}`;
  const script = [
    'import socket',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
    `s.bind("${address}")`,
    'print("bound", flush=True)',
    'print(s.recv(4096).decode(), flush=True)',
  ].join('\n');
  const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let heard = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
  });
  await until(() => heard.includes('bound'));
  await sendUnixDatagram(name, 'READY=1\nMAINPID=7');
  await until(() => heard.endsWith('MAINPID=7\n')); // print may write its newline by itself
  expect(heard).toBe('bound\nREADY=1\nMAINPID=7\n');
});

test('a datagram to nobody is an error', async () => {
  await expect(sendUnixDatagram(join(directory, 'nobody'), 'x')).rejects.toThrow(/sendto .* failed: .*ENOENT/);
});

test('open files: the soft limit goes as high as it may, and never further', async () => {
  const limit = () => Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))![1]);
  const before = limit();
  const reached = await raiseOpenFiles(before);
  expect(reached).toBe(before);
  expect(limit()).toBe(before);
});

describe('watching for opens', () => {
  test('the next look after another process opened the file tells it once', async () => {
    const path = join(directory, 'lock');
    writeFileSync(path, '');
    const clock = new ManualClock();
    let opened = 0;
    using _watch = await watchOpens(path, clock, () => opened++);
    await clock.advanceAsync(1000);
    await until(() => clock.pending === 1);
    expect(opened).toBe(0);
    readFileSync(path);
    clock.advance(1000);
    await until(() => opened === 1);
    expect(clock.pending).toBe(0); // nobody will look again
  });

  test('after the end nothing is told', async () => {
    const path = join(directory, 'lock');
    writeFileSync(path, '');
    const clock = new ManualClock();
    const watch = await watchOpens(path, clock, () => {
      throw new Error('told after the end');
    });
    watch[Symbol.dispose]();
    readFileSync(path);
    await clock.advanceAsync(5000);
    expect(clock.pending).toBe(0);
  });

  test('a file that is not there is an error', async () => {
    await expect(watchOpens(join(directory, 'none'), new ManualClock(), () => {})).rejects.toThrow(/ENOENT/);
  });
});

test('the number of the C library’s heaps can be set', () => {
  expect(() => limitArenas()).not.toThrow();
  expect(bindLibc('int mallopt(int param, int value)')(-8, 2)).toBe(1);
});
