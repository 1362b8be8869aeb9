import { ManualClock } from './fake/manualClock.ts';
import { seldom } from './seldom.ts';

test('at most one call in a period goes through', () => {
  const clock = new ManualClock();
  const seen: number[] = [];
  const tell = seldom(clock, 1_000, (n: number) => void seen.push(n));
  for (let n = 0; n < 30; n++) {
    tell(n);
    clock.advance(100);
  }
  expect(seen).toEqual([0, 10, 20]);
});
