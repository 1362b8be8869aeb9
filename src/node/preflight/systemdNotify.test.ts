import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { createLogger, silentLogger } from '../../lib/logger.ts';
import { SystemdNotify, watchdogMs } from './systemdNotify.ts';

const sent: [string, string][] = [];
let broken = false;
jest.mock('../../lib/linux/notifySocket.ts', () => ({
  sendUnixDatagram: async (name: string, text: string) => {
    if (broken) throw new Error('no such socket');
    sent.push([name, text]);
  },
}));

beforeEach(() => {
  sent.length = 0;
  broken = false;
});

test.each([
  [{}, undefined],
  [{ WATCHDOG_USEC: '60000000' }, 60_000],
  [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '17' }, 60_000],
  [{ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '18' }, undefined],
])('the time limit in %j is %s', (env, ms) => {
  expect(watchdogMs(env, 17)).toBe(ms);
});

test.each(['1000000', '0', '-5', 'soon'])('a limit of %s µs is refused', (usec) => {
  expect(() => watchdogMs({ WATCHDOG_USEC: usec }, 17)).toThrow(/WatchdogSec is .* change the kubelet's unit/);
});

const env = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: '20000000' };

test('ready once, then alive twice in each period while healthy', async () => {
  const clock = new ManualClock();
  let problem: string | undefined;
  const lines: string[] = [];
  const log = createLogger({ write: (line) => lines.push(line) });
  using notify = new SystemdNotify(env, { clock, log, healthy: () => problem });
  await clock.advanceAsync(60_000);
  expect(sent).toEqual([]);
  notify.ready();
  await clock.advanceAsync(25_000);
  expect(sent.map(([, text]) => text)).toEqual([`READY=1\nMAINPID=${process.pid}`, ...Array(3).fill('WATCHDOG=1')]);
  problem = 'the event loop of a test';
  await clock.advanceAsync(20_000);
  expect(sent).toHaveLength(4);
  expect(lines.join('')).toContain('the event loop of a test');
  problem = undefined;
  await clock.advanceAsync(10_000);
  expect(sent).toHaveLength(5);
});

test('without systemd, and after the end, nothing is sent', async () => {
  const clock = new ManualClock();
  const tools = { clock, log: silentLogger, healthy: () => undefined };
  const alone = new SystemdNotify({ WATCHDOG_USEC: '20000000' }, tools);
  alone.ready();
  const ended = new SystemdNotify(env, tools);
  ended.ready();
  ended[Symbol.dispose]();
  await clock.advanceAsync(60_000);
  expect(sent.map(([, text]) => text.split('\n')[0])).toEqual(['READY=1', 'WATCHDOG=1']);
});

test('a socket that does not answer is a warning, and the next beat comes', async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLogger({ write: (line) => lines.push(line) });
  using notify = new SystemdNotify(env, { clock, log, healthy: () => undefined });
  broken = true;
  notify.ready();
  await until(() => lines.length === 2);
  broken = false;
  await clock.advanceAsync(10_000);
  expect(sent).toEqual([['/run/systemd/notify', 'WATCHDOG=1']]);
});
