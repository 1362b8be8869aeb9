import { filesWithTimers, pageWithPolls, timers } from './timers.ts';

test('every file that sets a timer says what for (hack/docs/timers.ts), and no other', () => {
  expect(filesWithTimers()).toEqual(Object.keys(timers).sort());
});

test('docs/architecture.md holds the table of allowed polls (node hack/docs/timers.ts)', () => {
  const { now, wanted } = pageWithPolls();
  expect(now).toBe(wanted);
});
