import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics } from '../../k8s/metrics/metrics.ts';
import { FakeHost } from '../fake/fakeHost.ts';
import { makeHandler } from '../http/handler.ts';
import { RequestMetrics } from '../http/requestMetrics.ts';
import { systemLogsAt } from './systemLogs.ts';

let dir: string;
let server: Server;
let base: string;
let host: FakeHost;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logs-'));
  const root = join(dir, 'log');
  mkdirSync(join(root, 'sub dir'), { recursive: true });
  writeFileSync(join(dir, 'secret'), 'secret');
  writeFileSync(join(root, 'a.log'), '0123456789');
  writeFileSync(join(root, 'sub dir', 'b&c'), 'b');
  writeFileSync(Buffer.from(`${root}/sub dir/\xff<`, 'latin1'), '');
  symlinkSync(join(root, 'a.log'), join(root, 'inner'));
  symlinkSync(join(dir, 'secret'), join(root, 'outer'));
  symlinkSync(dir, join(root, 'up'));
  symlinkSync('/dev/zero', join(root, 'device'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  host = new FakeHost();
  // A journal that knows one unit and says what it was asked.
  const journalctl = join(dir, 'journalctl');
  const answer =
    'if [ "$1" = --field ]; then echo known.service; else for a in "$@"; do echo "$a"; done; echo odd >&2; fi';
  writeFileSync(journalctl, `#!/bin/sh\n${answer}\n`, { mode: 0o755 });
  writeFileSync(join(root, 'plain'), 'plain file\n');
  writeFileSync(join(root, 'dotted.log'), 'dotted file\n');
  mkdirSync(join(root, 'crowd'));
  for (let index = 0; index < 31; index++) writeFileSync(join(root, 'crowd', String(index)), '');
  mkdirSync(join(root, 'deep'));
  writeFileSync(join(root, 'deep', 'deep.log'), 'deep file\n');
  const routes = { logs: { ...systemLogsAt(root, journalctl, 30), readOnly: true } };
  const handler = makeHandler({ host, routes, requests: new RequestMetrics(new Metrics(), []) });
  server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(Buffer.from(`${dir}/log/sub dir/\xff<`, 'latin1'));
  rmSync(dir, { recursive: true });
});

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${base}${path}`, { headers, redirect: 'manual' });
  return { status: response.status, headers: response.headers, body: await response.text() };
};

test('a directory with more entries than are listed is refused with a sentence', async () => {
  const { status, body } = await get('/logs/crowd/');
  expect([status, body]).toEqual([500, 'the directory has more than 30 entries\n']);
});

test('a directory lists its entries, escaped', async () => {
  const { status, body } = await get('/logs/');
  expect(status).toBe(200);
  expect(body).toContain('<a href="a.log">a.log</a>');
  expect(body).toContain('<a href="sub%20dir/">sub dir/</a>');
  const inner = (await get('/logs/sub%20dir/')).body;
  expect(inner).toContain('<a href="b%26c">b&amp;c</a>\n<a href="%FF%3C">\ufffd&lt;</a>');
});

test('a directory without its slash is redirected to', async () => {
  const { status, headers } = await get('/logs/sub%20dir');
  expect([status, headers.get('location')]).toEqual([301, 'sub%20dir/']);
});

test('files, and links that stay inside', async () => {
  expect(await get('/logs/a.log')).toMatchObject({ status: 200, body: '0123456789' });
  expect(await get('/logs/inner')).toMatchObject({ status: 200, body: '0123456789' });
});

test.each([
  ['bytes=2-4', 206, '234'],
  ['bytes=7-', 206, '789'],
  ['bytes=-2', 206, '89'],
  ['bytes=8-99', 206, '89'],
  ['bytes=10-', 416, 'invalid range: failed to overlap\n'],
  ['bytes=1-2,4-5', 200, '0123456789'],
])('range %s', async (range, status, body) => {
  expect(await get('/logs/a.log', { range })).toMatchObject({ status, body });
});

test.each(['/logs/outer', '/logs/up/secret', '/logs/up/', '/logs/device', '/logs/fifo', '/logs/none', '/logs/a.log/'])(
  '%s is not found',
  async (path) => {
    expect((await get(path)).status).toBe(404);
  },
);

test.each(['/logs/..%2fsecret', '/logs/sub%20dir%2f..%2f..%2fsecret', '/logs//a.log', '/logs/a.log%00'])(
  '%s is malformed',
  async (path) => {
    expect((await get(path)).status).toBe(400);
  },
);

describe('queries', () => {
  const asked = async (query: string, path = '/logs/') => {
    host.config = { ...host.config, enableSystemLogQuery: true };
    try {
      return await get(`${path}?${query}`);
    } finally {
      host.config = { ...host.config, enableSystemLogQuery: false };
    }
  };

  test('are not looked at where enableSystemLogQuery is off', async () => {
    expect((await get('/logs/?query=plain')).body).toContain('<a href="a.log">a.log</a>');
  });

  test('a unit of the journal', async () => {
    const { status, headers, body } = await asked('query=known&tailLines=3');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain;charset=UTF-8']);
    expect(body.split('\n')).toEqual(
      expect.arrayContaining(['--utc', '--pager-end', '--lines=3', '--unit=known', 'odd']),
    );
  });

  test.each([
    ['query=plain', 'plain file\n'],
    ['query=dotted', 'dotted file\n'],
    ['query=deep', 'deep file\n'],
    ['query=plain&query=dotted', 'plain file\ndotted file\n'],
    ['query=nothing', '\nlog not found for nothing\n'],
    ['query=outer', '\nlog not found for outer\n'],
    ['query=..', '\nlog not found for ..\n'],
    [
      'query=plain&tailLines=1',
      '\noptions present and query resolved to log files for [plain]\ntry without specifying options\n',
    ],
  ])('%s: a file that is named after the service', async (query, body) => {
    expect(await asked(query)).toMatchObject({ status: 200, body });
  });

  test.each([
    ['query=deep/deep.log', 200, 'deep file\n'],
    ['query=deep%5Cdeep.log', 200, 'deep file\n'],
    ['query=/a.log', 406, 'query: Invalid value: ["/a.log"]: statat /a.log: path escapes from parent\n'],
    [
      'query=deep/../a.log',
      406,
      'query: Invalid value: ["deep/../a.log"]: statat deep/../a.log: path escapes from parent\n',
    ],
    ['query=./outer', 406, 'query: Invalid value: ["./outer"]: statat ./outer: path escapes from parent\n'],
    ['query=deep/x', 406, 'query: Invalid value: ["deep/x"]: statat deep/x: no such file or directory\n'],
    ['query=', 400, 'query: Invalid value: [""]: may not be empty\n'],
  ])('%s: %d', async (query, status, body) => {
    expect(await asked(query)).toMatchObject({ status, body });
  });

  test('only at /logs/; without a query it stays the file server', async () => {
    expect(await asked('query=known', '/logs/a.log')).toMatchObject({
      status: 406,
      body: 'path not allowed in query mode\n',
    });
    expect((await asked('', '/logs/a.log')).body).toBe('0123456789');
  });

  test('gzip for those who take nothing else', async () => {
    host.config = { ...host.config, enableSystemLogQuery: true };
    const response = await fetch(`${base}/logs/?query=plain`, { headers: { 'accept-encoding': 'gzip' } });
    host.config = { ...host.config, enableSystemLogQuery: false };
    expect([response.headers.get('content-encoding'), await response.text()]).toEqual(['gzip', 'plain file\n']);
  });
});
