import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseCommand } from '../../config/command.ts';
import { preflightCheck } from './preflight.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'preflight-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function check(...flags: string[]) {
  const command = parseCommand(['preflight', '-o', 'json', `--root-dir=${dir}/no/such/directory`, ...flags]);
  if (command.kind !== 'preflight') throw new Error(`parsed as ${command.kind}`);
  const { ok, text } = await preflightCheck(command);
  const found = JSON.parse(text) as { check: string; level: string; sentence: string }[];
  return { ok, of: (name: string) => found.find((each) => each.check === name) };
}

test('a machine without a runtime: said with the socket, and everything else is looked at all the same', async () => {
  const { ok, of } = await check(`--container-runtime-endpoint=unix://${dir}/none.sock`);
  expect(ok).toBe(false);
  expect(of('runtime')).toMatchObject({ level: 'error', sentence: expect.stringContaining('none.sock') });
  expect(of('API server')).toMatchObject({ level: 'ok', sentence: expect.stringContaining('standalone') });
  expect(of('disk')?.sentence).toMatch(/free at/);
});

test('a port that somebody listens on, and an API server that answers', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const kubeconfig = path.join(dir, 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      clusters: [{ name: 'x', cluster: { server: `https://127.0.0.1:${port}` } }],
      users: [{ name: 'x', user: { token: 'secret-token' } }],
    }),
  );
  try {
    const { of } = await check(`--port=${port}`, `--kubeconfig=${kubeconfig}`);
    expect(of(`port ${port}`)).toMatchObject({ level: 'error' });
    expect(of('API server')).toMatchObject({ level: 'ok', sentence: `https://127.0.0.1:${port} answers (kubeconfig)` });
  } finally {
    server.close();
  }
  const { of } = await check(`--kubeconfig=${kubeconfig}`);
  expect(of('API server')).toMatchObject({
    level: 'error',
    sentence: expect.stringMatching(/cannot be reached: .*ECONNREFUSED/),
  });
});

test('a kubeconfig that is not there', async () => {
  const { of } = await check(`--kubeconfig=${dir}/none`, '--bootstrap-kubeconfig=');
  expect(of('API server')).toMatchObject({ level: 'error', sentence: `the kubeconfig ${dir}/none does not exist` });
});
