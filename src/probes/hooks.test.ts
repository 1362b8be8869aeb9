import http from 'node:http';
import https from 'node:https';
import { realClock } from '../lib/clock.ts';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { failure } from '../lib/fake/until.ts';
import type { LifecycleHandler, Pod } from '../types/k8s.ts';
import { selfSigned } from './fake/selfSigned.ts';
import { listen } from './fake/servers.ts';
import type { ExecSync } from './handlers/handler.ts';
import { HookRunner } from './hooks.ts';

const pod: Pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' } };
const WHERE = 'for Container "c" in Pod "p_ns(u)" failed - error: ';

function world(execSync: ExecSync['execSync'] = () => Promise.reject(new Error('no runtime'))) {
  const clock = new ManualClock();
  const events: string[] = [];
  const metrics: string[] = [];
  const make = (used: typeof realClock) =>
    new HookRunner({
      cri: { execSync },
      clock: used,
      onEvent: (_uid, _container, event) => events.push(`${event.reason}: ${event.message}`),
      onMetric: (metric) => metrics.push(metric),
    });
  const container = (handler: LifecycleHandler) => ({ name: 'c', lifecycle: { postStart: handler, preStop: handler } });
  const never = new AbortController().signal;
  return {
    clock,
    events,
    metrics,
    postStart: (handler: LifecycleHandler, podIP = '127.0.0.1', signal = never) =>
      make(realClock).postStart(pod, container(handler), 'id', podIP, signal),
    preStop: (handler: LifecycleHandler, seconds: number, signal = never) =>
      make(clock).preStop(pod, container(handler), 'id', '127.0.0.1', seconds, signal),
  };
}

const message = async (promise: Promise<unknown>) => ((await failure(promise)) as Error).message;
const output = (exitCode: number, stdout = '', stderr = '') => ({
  exitCode,
  stdout: Buffer.from(stdout),
  stderr: Buffer.from(stderr),
});

test('commands: without a time limit, failures in kubelet’s words', async () => {
  const execSync = jest.fn(async () => output(0));
  await world(execSync).postStart({ exec: { command: ['sh', '-c', 'x'] } });
  expect(execSync).toHaveBeenCalledWith('id', ['sh', '-c', 'x'], 0, { signal: expect.anything() });
  const bad = world(async () => output(3, 'out', 'err'));
  const failed = await failure(bad.postStart({ exec: { command: ['sh', '-c', 'x'] } }));
  expect(failed).toMatchObject({
    message: `Exec lifecycle hook ([sh -c x]) ${WHERE}command 'sh -c x' exited with 3`,
    output: 'outerr',
  });
  expect(await message(world().postStart({ exec: { command: ['x'] } }))).toBe(
    `Exec lifecycle hook ([x]) ${WHERE}no runtime`,
  );
});

test('a tcpSocket hook is refused; a container without hooks has nothing to run', async () => {
  expect(await message(world().postStart({ tcpSocket: { port: 80 } }))).toMatch(
    /^Cannot run handler: invalid handler: /,
  );
  const runner = new HookRunner({ cri: { execSync: jest.fn() }, clock: realClock, onEvent: () => {} });
  await runner.postStart(pod, { name: 'c' }, 'id', '', new AbortController().signal);
});

describe('httpGet', () => {
  test('any answer will do; the agent is kube-lifecycle', async () => {
    let agent: string | undefined;
    await using server = await listen(
      http.createServer((request, response) => {
        agent = request.headers['user-agent'];
        response.writeHead(500).end();
      }),
    );
    await world().postStart({ httpGet: { port: server.port, path: '/x' } });
    expect(agent).toBe('kube-lifecycle/1.36');
  });

  test('nobody there, no address', async () => {
    const server = await listen(http.createServer());
    await server[Symbol.asyncDispose]();
    expect(await message(world().postStart({ httpGet: { port: server.port, path: '/x' } }))).toBe(
      `HTTP lifecycle hook (/x) ${WHERE}Get "http://127.0.0.1:${server.port}/x": ` +
        `dial tcp 127.0.0.1:${server.port}: connect: connection refused`,
    );
    expect(await message(world().postStart({ httpGet: { port: 80 } }, ''))).toContain('no IP address');
  });

  test('https', async () => {
    await using server = await listen(https.createServer(selfSigned('x'), (_q, s) => s.end()));
    const w = world();
    await w.postStart({ httpGet: { port: server.port, scheme: 'HTTPS' } });
    expect(w.events).toEqual([]);
  });

  test('https to a plain server falls back once, without credentials, and says so', async () => {
    let headers: http.IncomingHttpHeaders = {};
    await using server = await listen(
      http.createServer((request, response) => {
        headers = request.headers;
        response.end();
      }),
    );
    const w = world();
    const httpHeaders = [
      { name: 'Authorization', value: 'secret' },
      { name: 'X-Kept', value: 'yes' },
    ];
    await w.postStart({ httpGet: { port: server.port, scheme: 'HTTPS', httpHeaders } });
    expect(headers).toMatchObject({ 'x-kept': 'yes' });
    expect(headers.authorization).toBeUndefined();
    expect(w.events).toEqual([
      `LifecycleHTTPFallback: request to HTTPS lifecycle hook 127.0.0.1:${server.port} got HTTP response, retry with HTTP succeeded`,
    ]);
    expect(w.metrics).toEqual(['http_fallback']);
  });
});

describe('preStop', () => {
  test('sleeps its time, or until the grace period ends', async () => {
    const w = world();
    let done = 0;
    void w.preStop({ sleep: { seconds: 5 } }, 30).then(() => done++);
    void w.preStop({ sleep: { seconds: 50 } }, 30).then(() => done++);
    void w.preStop({ sleep: { seconds: 0 } }, 30).then(() => done++);
    void w.preStop({ sleep: { seconds: 9 } }, 0).then(() => done++);
    await w.clock.advanceAsync(0);
    expect(done).toBe(2);
    await w.clock.advanceAsync(5000);
    expect(done).toBe(3);
    await w.clock.advanceAsync(24_999);
    expect(done).toBe(3);
    await w.clock.advanceAsync(1);
    expect([done, w.clock.pending, w.metrics, w.events]).toEqual([4, 0, [], []]);
  });

  test('aborted while asleep, it rejects with the reason', async () => {
    const w = world();
    const abort = new AbortController();
    const hook = failure(w.preStop({ sleep: { seconds: 5 } }, 30, abort.signal));
    abort.abort();
    expect(await hook).toMatchObject({ name: 'AbortError' });
    expect([w.metrics, w.clock.pending]).toEqual([['sleep_terminated'], 0]);
  });

  test('a command that outlives the grace period goes on; its end is told by an event', async () => {
    const command = Promise.withResolvers<ReturnType<typeof output>>();
    let signal: AbortSignal | undefined;
    const w = world((_id, _command, _timeout, options) => {
      signal = options?.signal;
      return command.promise;
    });
    let done = false;
    void w.preStop({ exec: { command: ['x'] } }, 3).then(() => {
      done = true;
    });
    await w.clock.advanceAsync(3000);
    expect([done, signal?.aborted, w.events]).toEqual([true, false, []]);
    command.resolve(output(137));
    await w.clock.advanceAsync(0);
    expect(w.events).toEqual(['FailedPreStopHook: PreStopHook failed']);
  });

  test('a command that fails in time rejects, and leaves the event to the caller', async () => {
    const w = world(async () => output(1));
    expect(await message(w.preStop({ exec: { command: ['x'] } }, 3))).toContain('exited with 1');
    expect([w.events, w.clock.pending]).toEqual([[], 0]);
  });
});
