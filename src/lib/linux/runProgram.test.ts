import { runProgram } from './runProgram.ts';

const run = (script: string, more: { deadlineMs?: number; signal?: AbortSignal } = {}) =>
  runProgram({ program: 'sh', args: ['-c', script], deadlineMs: 60_000, ...more });

test('its code, and what it writes to both outputs, at most 16 KiB of it', async () => {
  expect(await run('echo out; sleep 0.1; echo err >&2; exit 3')).toEqual({
    code: 3,
    output: 'out\nerr\n',
    killed: false,
  });
  expect((await run('head -c 100000 /dev/zero')).output).toHaveLength(16 << 10);
});

test('its deadline kills it with all that it started', async () => {
  const begun = performance.now();
  expect(await run('sleep 100 & wait', { deadlineMs: 50 })).toMatchObject({ code: null, killed: true });
  expect(performance.now() - begun).toBeLessThan(10_000);
});

test('who wants it no more kills it', async () => {
  const controller = new AbortController();
  const running = run('sleep 100', { signal: controller.signal });
  controller.abort();
  expect((await running).killed).toBe(true);
  expect((await run('sleep 100', { signal: AbortSignal.abort() })).killed).toBe(true);
});

test('a program that is not there is an error that says so', async () => {
  await expect(runProgram({ program: 'no-such-program', args: [], deadlineMs: 1_000 })).rejects.toMatchObject({
    code: 'ProgramMissing',
    message: 'exec: "no-such-program": executable file not found in $PATH',
  });
});

test('a program that leaves its outputs to somebody who lives on is over when it is', async () => {
  const begun = performance.now();
  expect((await run('setsid sleep 5 & echo done')).code).toBe(0);
  expect(performance.now() - begun).toBeLessThan(4_000);
});
