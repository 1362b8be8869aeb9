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
  const { code, output } = await run('setsid sleep 1000 & echo $!');
  expect(code).toBe(0);
  process.kill(Number(output), 'SIGKILL'); // throws when it is over
});

test('what a program printed is there in full, however late it comes after the news of its end', async () => {
  const one = runProgram({ program: 'sh', args: ['-c', 'echo done; exit 3'], deadlineMs: 60_000 });
  // The event loop is busy over the end of the program: output and end are both news when it goes on.
  const until = performance.now() + 300;
  while (performance.now() < until);
  expect(await one).toEqual({ code: 3, output: 'done\n', killed: false });
  const all = Array.from({ length: 60 }, (_, n) =>
    runProgram({ program: 'sh', args: ['-c', `echo ${n}`], deadlineMs: 60_000 }),
  );
  expect((await Promise.all(all)).map(({ output }) => output)).toEqual(all.map((_, n) => `${n}\n`));
});

test('what cannot be an argument is an error that does not show it', async () => {
  const running = runProgram({ program: 'true', args: ['-v', 'pass\0word'], deadlineMs: 60_000 });
  const error = (await running.catch((thrown: unknown) => thrown)) as Error;
  expect(error).toMatchObject({ code: 'ProgramFailed', message: 'true cannot be run: invalid argument' });
  expect(error.cause).toBeUndefined();
});

test('more arguments than the kernel takes are an error like any other', async () => {
  const args = ['x'.repeat(1 << 20)];
  const begun = runProgram({ program: 'true', args, deadlineMs: 60_000 });
  await expect(begun).rejects.toMatchObject({ code: 'ProgramFailed', message: expect.stringContaining('E2BIG') });
});
