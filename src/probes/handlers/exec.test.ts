import { status } from '@grpc/grpc-js';
import { CriError } from '../../cri/error.ts';
import { realClock } from '../../lib/clock.ts';
import { execHandler } from './exec.ts';
import type { ExecSync } from './handler.ts';
import { attempt, createHandlers } from './registry.ts';

const context = {
  container: { name: 'c', env: [{ name: 'FILE', value: '/tmp/ok' }] },
  containerId: 'id',
  podIP: '',
  timeoutMs: 90_000,
  signal: new AbortController().signal,
};
const ended = (exitCode: number, stdout: string, stderr = ''): ExecSync => ({
  execSync: async () => ({ exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) }),
});
const broken = (code: number, details: string): ExecSync => ({
  execSync: () => Promise.reject(new CriError('ExecSync', { code, details })),
});

test.each<[string, ExecSync, object]>([
  ['exit 0', ended(0, 'fine'), { result: 'success', output: 'fine' }],
  ['exit 1', ended(1, 'out', 'err'), { result: 'failure', output: 'outerr' }],
  ['much output', ended(1, 'x'.repeat(20_000)), { result: 'failure', output: 'x'.repeat(10_240) }],
  [
    'timeout',
    broken(status.DEADLINE_EXCEEDED, 'context deadline exceeded'),
    { result: 'failure', output: 'command timed out: "cat /tmp/ok" timed out after 1m30s' },
  ],
  ['no such container', broken(status.NOT_FOUND, 'gone'), { result: 'unknown', error: 'gone' }],
])('%s', async (_name, cri, expected) => {
  expect(await execHandler(cri)({ command: ['cat', '$(FILE)'] }, context)).toEqual(expected);
});

test('the runtime gets the expanded command, the time in seconds and the signal', async () => {
  const execSync = jest.fn(ended(0, '').execSync);
  await execHandler({ execSync })({ command: ['cat', '$(FILE)', '$(OTHER)'] }, context);
  expect(execSync).toHaveBeenCalledWith('id', ['cat', '/tmp/ok', '$(OTHER)'], 90, { signal: context.signal });
});

test('a probe without any action cannot be carried out', async () => {
  const handlers = createHandlers(ended(0, ''), realClock);
  expect(await attempt(handlers, {}, context)).toMatchObject({ result: 'unknown' });
  expect(await attempt(handlers, { exec: { command: ['x'] } }, context)).toMatchObject({ result: 'success' });
});
