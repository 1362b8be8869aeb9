import { SharedTurn } from './sharedTurn.ts';

test('whoever asks while a round is under way shares the next one, and each gets what that round saw', async () => {
  let value = 'a';
  let rounds = 0;
  const go = Promise.withResolvers<void>();
  const turn = new SharedTurn(async () => {
    const seen = value;
    if (++rounds === 1) await go.promise;
    return seen;
  });
  expect(turn.idle).toBe(true);
  const first = turn.take();
  await Promise.resolve();
  value = 'b';
  const later = [turn.take(), turn.take(), turn.take()];
  expect(turn.idle).toBe(false);
  go.resolve();
  expect([await first, ...(await Promise.all(later)), rounds]).toEqual(['a', 'b', 'b', 'b', 2]);
  await turn.settled();
  expect(turn.idle).toBe(true);
});

test('a round that fails fails for those who share it, and the next begins', async () => {
  let rounds = 0;
  const turn = new SharedTurn(async () => {
    if (++rounds === 1) throw new Error('gone');
    return rounds;
  });
  const [one, two] = [turn.take(), turn.take()];
  await expect(one).rejects.toThrow('gone');
  await expect(two).rejects.toThrow('gone');
  expect(await turn.take()).toBe(2);
});

test('settled waits for what is under way and does not reject with a round that failed', async () => {
  const turn = new SharedTurn(() => Promise.reject(new Error('disk full')));
  const failed = turn.take();
  await turn.settled();
  expect(turn.idle).toBe(true);
  await expect(failed).rejects.toThrow('disk full');
});
