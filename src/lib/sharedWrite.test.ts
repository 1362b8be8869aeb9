import { SharedWrite } from './sharedWrite.ts';

test('writes come one after the other, and whoever asks while one waits shares it', async () => {
  let value = 1;
  const begun: { wrote: number; end(error?: Error): void }[] = [];
  const written = new SharedWrite(() => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    begun.push({ wrote: value, end: (error) => (error ? reject(error) : resolve()) });
    return promise;
  });
  const first = written.save();
  await Promise.resolve();
  value = 2;
  const second = written.save();
  expect(written.save()).toBe(second);
  value = 3;
  expect(begun.map(({ wrote }) => wrote)).toEqual([1]);
  begun[0]!.end(new Error('disk full'));
  await expect(first).rejects.toThrow('disk full');
  while (begun.length < 2) await Promise.resolve();
  begun[1]!.end();
  await second;
  expect(begun.map(({ wrote }) => wrote)).toEqual([1, 3]);
  await written.settled();
});

test('settled does not reject with a write that failed', async () => {
  const written = new SharedWrite(() => Promise.reject(new Error('disk full')));
  const failed = written.save();
  await written.settled();
  await expect(failed).rejects.toThrow('disk full');
});
