import { Life } from './life.ts';
import { ManualClock } from './manualClock.ts';

test('after its end no timer comes, and none is left armed', () => {
  const clock = new ManualClock();
  const life = new Life(clock);
  const came: string[] = [];
  life.setTimer(10, () => came.push('first'));
  life.setTimer(20, () => came.push('second'));
  life.setTimer(30, () => came.push('never'))[Symbol.dispose]();
  clock.advance(10);
  expect([came, clock.pending, life.isOver]).toEqual([['first'], 1, false]);
  life[Symbol.dispose]();
  life.setTimer(1, () => came.push('late'));
  expect([clock.pending, life.isOver, life.now()]).toEqual([0, true, clock.now()]);
  clock.advance(60_000);
  expect(came).toEqual(['first']);
});

test('calls that change something have no effect after its end and never return; others do', async () => {
  const life = new Life(new ManualClock());
  class Store {
    #kept = 0;
    async keep(n: number) {
      this.#kept = n;
      return n;
    }
    get kept() {
      return this.#kept;
    }
    twice() {
      return 2 * this.#kept;
    }
  }
  const store = life.bound(new Store(), ['keep']);
  expect(await store.keep(1)).toBe(1);
  life[Symbol.dispose]();
  const settled = jest.fn();
  store.keep(2).then(settled, settled);
  await new Promise((resolve) => setImmediate(resolve));
  expect([settled.mock.calls, store.kept, store.twice()]).toEqual([[], 1, 2]);
});
