import { ManualClock } from './fake/manualClock.ts';
import { Spaced } from './spaced.ts';

const MS = 1000;
let clock: ManualClock;
let called: string[];
let spaced: Spaced<string>;
beforeEach(() => {
  clock = new ManualClock();
  called = [];
  spaced = new Spaced(clock, MS, (key) => called.push(key));
});
afterEach(() => spaced[Symbol.dispose]());

test('the first word of a key is called at once', () => {
  spaced.tell('a', 'b');
  expect(called).toEqual(['a', 'b']);
});

test('one that is told of without end is called once in that time, and after the last word', () => {
  for (let n = 0; n < 50; n++) {
    spaced.tell('a');
    clock.advance(100);
  }
  expect(called.length).toBeLessThanOrEqual(6);
  const before = called.length;
  clock.advance(MS);
  clock.advance(MS);
  expect(called.length).toBeLessThanOrEqual(before + 1);
});

test('further words of a key are called once, when the time is over; other keys do not wait', () => {
  spaced.tell('a');
  spaced.tell('a');
  spaced.tell('a', 'b');
  expect(called).toEqual(['a', 'b']);
  clock.advance(MS);
  expect(called).toEqual(['a', 'b', 'a']);
  clock.advance(MS);
  expect(called).toEqual(['a', 'b', 'a']);
  spaced.tell('a');
  expect(called).toEqual(['a', 'b', 'a', 'a']);
});
