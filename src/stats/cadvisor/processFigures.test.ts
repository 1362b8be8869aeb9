import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processFigures } from './processFigures.ts';

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'proc-'));
});
afterEach(() => rmSync(proc, { recursive: true }));

/** Processes of which each has so many descriptors, all of them sockets; returns their ids. */
function processes(count: number, descriptors: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const fd = join(proc, `${i + 1}`, 'fd');
    mkdirSync(fd, { recursive: true });
    for (let n = 0; n < descriptors; n++) symlinkSync('socket:[7]', join(fd, `${n}`));
    return i + 1;
  });
}

/** What the promise resolves with, and how many turns the event loop had meanwhile. */
async function turnsDuring<T>(begin: () => Promise<T>): Promise<{ value: T; turns: number }> {
  let [turns, running] = [0, true];
  const turn = () => {
    turns += 1;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  const value = await begin();
  running = false;
  return { value, turns };
}

test('many processes with many descriptors: all are counted, 4,096 looked at, and the event loop has its turns', async () => {
  const pids = processes(40, 250);
  const { value, turns } = await turnsDuring(() => processFigures(pids, proc));
  expect(value).toEqual({ processes: 40, descriptors: 10_000, sockets: 4096, maxOpenFiles: undefined });
  expect(turns).toBeGreaterThan(10_000 / 128);
});

test('one process with many descriptors is read in turns too, and takes no more than its share of the links', async () => {
  const pids = [...processes(1, 5000), 999];
  const { value, turns } = await turnsDuring(() => processFigures(pids, proc));
  expect(value).toMatchObject({ processes: 2, descriptors: 5000, sockets: 512 });
  expect(turns).toBeGreaterThan(5000 / 128);
});

test('a real process: its descriptors, sockets and limit', async () => {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const socket = connect((listener.address() as { port: number }).port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  // A process of its own: this one opens and closes files meanwhile.
  const child = spawn('sh', ['-c', 'ulimit -n 77; echo ready; read end'], {
    stdio: ['pipe', 'pipe', 'ignore', socket],
  });
  await once(child.stdout!, 'data');
  const links = readdirSync(`/proc/${child.pid}/fd`).map((fd) => readlinkSync(`/proc/${child.pid}/fd/${fd}`));
  const sockets = links.filter((link) => link.startsWith('socket')).length;
  expect(await processFigures([child.pid!])).toEqual({
    ...{ processes: 1, descriptors: links.length, sockets, maxOpenFiles: 77 },
  });
  expect([links.length >= 4, sockets >= 3]).toEqual([true, true]); // what Node calls a pipe is a socket
  child.stdin!.end();
  await once(child, 'exit');
  socket.destroy();
  listener.close();
});
