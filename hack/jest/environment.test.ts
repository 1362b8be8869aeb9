import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { failure } from '../../src/lib/fake/until.ts';
import HonestEnvironment from './environment.ts';

class Impatient extends HonestEnvironment {
  protected override readonly closingMs = 20;
}

async function environment(Kind: typeof HonestEnvironment = Impatient): Promise<HonestEnvironment> {
  const projectConfig = { testEnvironmentOptions: {}, fakeTimers: {}, globals: {} };
  const made = new Kind({ projectConfig, globalConfig: {} } as never, { testPath: 'x.test.ts' } as never);
  await made.setup();
  return made;
}

function listening(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}

test('a file that leaves nothing ends at once, also when what it closed takes a moment', async () => {
  const made = await environment(HonestEnvironment);
  const server = await listening();
  made.global.clearTimeout(made.global.setTimeout(() => {}, 60_000));
  made.global.setInterval(() => {}, 60_000).unref();
  setImmediate(() => server.close());
  await made.teardown();
  expect(server.listening).toBe(false);
});

test('a server, a program and a timer that are left are named, and ended', async () => {
  const made = await environment();
  const server = await listening();
  const program = spawn('sleep', ['1000'], { stdio: 'ignore' });
  made.global.setTimeout(() => {}, 60_000);
  const { message } = (await failure(made.teardown())) as Error;
  expect(message).toMatch(/^x\.test\.ts leaves open/);
  expect(message).toMatch(/Server at .*127\.0\.0\.1/);
  expect(message).toContain('ChildProcess: sleep 1000');
  expect(message).toMatch(/timer of 60000 ms\n +at .*environment\.test\.ts/);
  await new Promise((resolve) => program.once('exit', resolve));
  expect(server.listening).toBe(false);
});

test('of a file with a failed test its own error is told', async () => {
  const made = await environment();
  const server = await listening();
  made.handleTestEvent({ name: 'test_done', test: { errors: ['it failed'] } } as never);
  await made.teardown();
  expect(server.listening).toBe(false);
});
