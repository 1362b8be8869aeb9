import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metrics } from '../../lib/metrics.ts';
import { FakeHost } from '../fake/fakeHost.ts';
import { makeHandler } from '../http/handler.ts';
import { RequestMetrics } from '../http/requestMetrics.ts';
import { systemLogsAt } from './systemLogs.ts';

let dir: string;
let server: Server;
let base: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'logs-'));
  const root = join(dir, 'log');
  mkdirSync(join(root, 'sub dir'), { recursive: true });
  writeFileSync(join(dir, 'secret'), 'secret');
  writeFileSync(join(root, 'a.log'), '0123456789');
  writeFileSync(join(root, 'sub dir', 'b&c'), 'b');
  symlinkSync(join(root, 'a.log'), join(root, 'inner'));
  symlinkSync(join(dir, 'secret'), join(root, 'outer'));
  symlinkSync(dir, join(root, 'up'));
  symlinkSync('/dev/zero', join(root, 'device'));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  const host = new FakeHost();
  const routes = { logs: { ...systemLogsAt(root), readOnly: true } };
  const handler = makeHandler({ host, routes, requests: new RequestMetrics(new Metrics(), []) });
  server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true });
});

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${base}${path}`, { headers, redirect: 'manual' });
  return { status: response.status, headers: response.headers, body: await response.text() };
};

test('a directory lists its entries, escaped', async () => {
  const { status, body } = await get('/logs/');
  expect(status).toBe(200);
  expect(body).toContain('<a href="a.log">a.log</a>');
  expect(body).toContain('<a href="sub%20dir/">sub dir/</a>');
  expect((await get('/logs/sub%20dir/')).body).toContain('<a href="b%26c">b&amp;c</a>');
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
