import { SharedCalls } from './sharedCalls.ts';

test('who comes second waits for the first call and hears what is known then; another key has a call of its own', async () => {
  const calls = new SharedCalls<string>();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = calls.run(
    'a',
    undefined,
    () => promise,
    () => 'known',
  );
  const second = calls.run(
    'a',
    undefined,
    () => Promise.reject(new Error('called twice')),
    () => 'known',
  );
  expect(
    await calls.run(
      'b',
      undefined,
      async () => 'own',
      () => 'known',
    ),
  ).toBe('own');
  resolve('answer');
  expect([await first, await second]).toEqual(['answer', 'known']);
  expect(
    await calls.run(
      'a',
      undefined,
      async () => 'anew',
      () => 'known',
    ),
  ).toBe('anew');
});

test("a failure is only the first one's, and a signal ends only the waiting of its owner", async () => {
  const calls = new SharedCalls<string>();
  const { promise, reject } = Promise.withResolvers<string>();
  const first = calls.run(
    'a',
    undefined,
    () => promise,
    () => 'known',
  );
  const leaves = new AbortController();
  const left = calls.run(
    'a',
    leaves.signal,
    () => promise,
    () => 'known',
  );
  const stays = calls.run(
    'a',
    undefined,
    () => promise,
    () => 'known',
  );
  leaves.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  reject(new Error('refused'));
  await expect(first).rejects.toThrow('refused');
  expect(await stays).toBe('known');
});
