import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerStatusOut } from './generated/runtime.ts';
import { terminationMessage } from './terminationMessage.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'term-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function status(hostPath: string, more: { path?: string; logPath?: string; policy?: string; reason?: string } = {}) {
  return {
    annotations: {
      'io.kubernetes.container.terminationMessagePath': more.path ?? 'dev/termination-log',
      'io.kubernetes.container.terminationMessagePolicy': more.policy ?? 'File',
    },
    exitCode: 1,
    reason: more.reason ?? 'Error',
    logPath: more.logPath ?? '',
    mounts: [{ containerPath: '/dev/termination-log', hostPath }],
  } as unknown as ContainerStatusOut;
}

test('only the last 4096 bytes of the file count', async () => {
  const file = join(directory, 'long');
  writeFileSync(file, `start${'x'.repeat(4090)}end`);
  const message = await terminationMessage(status(file));
  expect(message).toHaveLength(4096);
  expect(message.endsWith('end')).toBe(true);
  expect(message).not.toContain('start');
});

test('a link, a pipe and a directory are refused without hanging', async () => {
  const secret = join(directory, 'secret');
  writeFileSync(secret, 'secret');
  symlinkSync(secret, join(directory, 'link'));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  mkdirSync(join(directory, 'dir'));
  for (const name of ['link', 'pipe', 'dir']) {
    const message = await terminationMessage(status(join(directory, name)));
    expect(message).toMatch(/^Error on reading termination log /);
    expect(message).not.toBe('secret');
  }
});

test.each([
  ['/dev/termination-log', 'words'],
  ['dev/termination-log', 'words'],
  ['/dev//termination-log/', 'words'],
  ['/dev/./x/../termination-log', 'words'],
  ['../dev/termination-log', 'words'],
  ['/dev/termination-log2', ''],
])('a container that says %s has its file at the cleaned path', async (path, message) => {
  const file = join(directory, 'words');
  writeFileSync(file, 'words');
  expect(await terminationMessage(status(file, { path }))).toBe(message);
});

test('a missing file and a missing mount are no message', async () => {
  expect(await terminationMessage(status(join(directory, 'missing')))).toBe('');
  expect(await terminationMessage({ ...status(''), mounts: [] })).toBe('');
});

test('the log falls in for a missing file; a missing log says so', async () => {
  const log = join(directory, '0.log');
  writeFileSync(log, '2026-01-01T00:00:00.000000000Z stderr F boom\n');
  const policy = 'FallbackToLogsOnError';
  expect(await terminationMessage(status(join(directory, 'missing'), { policy, logPath: log }))).toBe('boom\n');
  const cannotRun = { policy, logPath: log, reason: 'ContainerCannotRun' };
  expect(await terminationMessage(status(join(directory, 'missing'), cannotRun))).toBe('');
  const noLog = { policy, logPath: join(directory, 'none.log') };
  expect(await terminationMessage(status(join(directory, 'missing'), noLog))).toMatch(
    /^Error on reading termination message from logs: /,
  );
});
