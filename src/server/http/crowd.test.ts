import { ManualClock } from '../../lib/fake/manualClock.ts';
import { returnMemory } from '../../lib/linux/returnMemory.ts';
import { Crowd } from './crowd.ts';

function crowd() {
  const clock = new ManualClock();
  let over = 0;
  const counted = new Crowd(clock, () => {
    over += 1;
  });
  const times = (count: number, work: () => void) => {
    for (let i = 0; i < count; i += 1) work();
  };
  return {
    come: (count: number) => times(count, () => counted.opened()),
    go: (count: number) => times(count, () => counted.closed()),
    after: (ms: number) => {
      clock.advance(ms);
      return over;
    },
  };
}

test('once for each crowd, ten seconds after three of four have gone', () => {
  const { come, go, after } = crowd();
  come(100);
  go(74);
  expect(after(60_000)).toBe(0); // 26 are more than a quarter
  go(1);
  expect(after(9_999)).toBe(0);
  expect(after(1)).toBe(1);
  go(20);
  expect(after(60_000)).toBe(1); // the same crowd
  come(100);
  go(100);
  expect(after(10_000)).toBe(2);
});

test('a few connections are no crowd, however often they come', () => {
  const { come, go, after } = crowd();
  for (let i = 0; i < 100; i += 1) {
    come(10);
    go(10);
  }
  expect(after(60_000)).toBe(0);
});

test('memory can be handed back on this system', async () => {
  await expect(returnMemory()).resolves.toBeUndefined();
});
