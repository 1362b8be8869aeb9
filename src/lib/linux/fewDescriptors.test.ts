import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Takes all descriptors that are left, and starts programs in each way that the agent has. */
const SCRIPT = `
import { openSync } from 'node:fs';
const { OomWatch } = await import(process.argv[1] + '/node/oom/oomWatch.ts');
const { runProgram } = await import(process.argv[1] + '/lib/linux/runProgram.ts');
const { takeShutdownLock } = await import(process.argv[1] + '/lib/linux/logind/inhibitor.ts');
const said = [];
const timers = [];
const clock = {
  now: () => ({ wall: 0, mono: 0 }),
  setTimer: (_, fn) => { timers.push(fn); return { [Symbol.dispose]() {} }; },
};
const log = { warn: (_, { error }) => said.push(error) };
const watch = new OomWatch({ rootDir: '/none', bootID: '', clock, log, random: () => 0, reader: ['true'] });
await watch.start();
while (timers.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
try { for (;;) openSync('/dev/null', 'r'); } catch {}
timers[0]();
for (const start of [() => runProgram({ program: 'true', args: [], deadlineMs: 10_000 }), () => takeShutdownLock('true')])
  await Promise.resolve().then(start).catch(({ message }) => said.push(message));
process.stdout.write(JSON.stringify(said));
process.exit(0);
`;

test('a process without descriptors left cannot start programs, and goes on', () => {
  const src = fileURLToPath(new URL('../..', import.meta.url));
  const node = [process.execPath, '--input-type=module', '-e', SCRIPT, src];
  const out = execFileSync('sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...node], { encoding: 'utf8' });
  expect(JSON.parse(out).sort()).toEqual([
    'cannot take a shutdown lock with true: spawn true EMFILE',
    'spawn true EMFILE',
    'the reader ended with 0',
    'true cannot be run: spawn true EMFILE',
  ]);
});
