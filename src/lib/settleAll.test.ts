import { inGroups, settleAll } from './settleAll.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('settleAll throws the first error in order, after everything has settled', async () => {
  const done: string[] = [];
  const late = (name: string, turns: number, fail: boolean) =>
    (async () => {
      for (let index = 0; index < turns; index++) await turn();
      done.push(name);
      if (fail) throw new Error(name);
    })();
  await expect(settleAll([late('a', 3, true), late('b', 0, true), late('c', 5, false)])).rejects.toThrow('a');
  expect(done.sort()).toEqual(['a', 'b', 'c']);
  await expect(settleAll([1, Promise.resolve(2)])).resolves.toEqual([1, 2]);
});

test('inGroups runs no more than so many at once and stops after the group that failed', async () => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  const run = async (item: number) => {
    seen.push(item);
    most = Math.max(most, ++running);
    await turn();
    running--;
    if (item === 3) throw new Error('three');
  };
  await expect(inGroups([1, 2, 3, 4, 5, 6], 2, run)).rejects.toThrow('three');
  expect([most, seen]).toEqual([2, [1, 2, 3, 4]]);
});
