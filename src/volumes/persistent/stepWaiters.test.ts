import { StepWaiters } from './stepWaiters.ts';

const never = new AbortController().signal;

test('a failure is told to who asked before the step began, success to all who wait for that Pod', async () => {
  const waiters = new StepWaiters();
  const first = waiters.wait('a', 'have', 1, never);
  const later = waiters.wait('a', 'have', 3, never);
  const other = waiters.wait('b', 'have', 1, never);
  waiters.reject('a', 'have', 2, new Error('no such disk'));
  await expect(first).rejects.toThrow('no such disk');
  waiters.resolve('a', 'leave', undefined);
  waiters.resolve('a', 'have', { path: '/a' });
  waiters.resolve('b', 'have', { path: '/b' });
  expect([await later, await other]).toEqual([{ path: '/a' }, { path: '/b' }]);
});

test('who leaves by its signal is told so at once and hears nothing more', async () => {
  const waiters = new StepWaiters();
  const own = new AbortController();
  const left = waiters.wait('a', 'leave', 1, own.signal);
  own.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  waiters.reject('a', 'leave', 9, new Error('unheard'));
  await expect(waiters.wait('a', 'leave', 1, own.signal)).rejects.toThrow('gone');
});
