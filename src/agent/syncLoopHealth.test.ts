import { ManualClock } from '../lib/fake/manualClock.ts';
import { SyncLoopHealth } from './syncLoopHealth.ts';

const minutes = (n: number) => n * 60_000;
const hung = 'sync Loop took longer than expected';

test.each([
  [minutes(1), minutes(5)],
  [minutes(4), minutes(8)],
])('syncFrequency %d ms: hung when nothing came round for %d ms', (frequency, limit) => {
  const clock = new ManualClock();
  const health = new SyncLoopHealth(clock, frequency);
  clock.advance(limit * 3);
  expect(health.problem()).toBeUndefined(); // the start is not over
  health.turned();
  clock.advance(limit);
  expect(health.problem()).toBeUndefined();
  clock.advance(1);
  expect(health.problem()).toBe(hung);
  health.turned();
  expect(health.problem()).toBeUndefined();
});

test('unlisted for more than three minutes is what kubelet says of its PLEG', () => {
  const clock = new ManualClock();
  const health = new SyncLoopHealth(clock, minutes(1));
  expect(health.unlisted()).toBe('PLEG is not healthy: pleg has yet to be successful');
  health.turned();
  clock.advance(minutes(3));
  expect(health.unlisted()).toBeUndefined();
  clock.advance(5_500);
  expect(health.unlisted()).toBe('PLEG is not healthy: pleg was last seen active 3m5.5s ago; threshold is 3m0s');
});
