import { getEventListeners } from 'node:events';
import { failure } from './fake/until.ts';
import { untilAborted } from './untilAborted.ts';

test('untilAborted settles as the promise does, and leaves no listener', async () => {
  const { signal } = new AbortController();
  expect(await untilAborted(Promise.resolve(1), signal)).toBe(1);
  expect(await failure(untilAborted(Promise.reject(new Error('as scripted')), signal))).toMatchObject({
    message: 'as scripted',
  });
  expect(await untilAborted(Promise.resolve(2), undefined)).toBe(2);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('untilAborted rejects on the signal; a promise that fails afterwards is nobody’s unhandled rejection', async () => {
  const controller = new AbortController();
  const work = Promise.withResolvers<void>();
  const waiting = failure(untilAborted(work.promise, controller.signal));
  controller.abort(new Error('gone'));
  expect(await waiting).toMatchObject({ message: 'gone' });
  expect(await failure(untilAborted(work.promise, controller.signal))).toMatchObject({ message: 'gone' });
  work.reject(new Error('late'));
  await new Promise(setImmediate); // an unhandled rejection would fail the test
});
