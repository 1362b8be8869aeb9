import { untilItFails } from './rounds.ts';

const summary = (passed: number, failed = 0, missing = 0) => ({ passed, failed, skipped: 0, missing, red: [] });

test('goes on while rounds are green, and ends with the first that is not', async () => {
  const rounds = [summary(2), summary(2), summary(1, 1), summary(2)];
  const ran: unknown[] = [];
  const last = await untilItFails(async (left) => {
    ran.push(left);
    return rounds[ran.length - 1]!;
  }, undefined);
  expect(last).toEqual(summary(1, 1));
  expect(ran).toEqual([undefined, undefined, undefined]);
});

test('ends when the time was up in a round, of which each is told what is left', async () => {
  const lefts: (number | undefined)[] = [];
  await untilItFails(async (left) => {
    lefts.push(left);
    return lefts.length === 2 ? summary(1, 0, 1) : summary(2);
  }, 60_000);
  expect(lefts).toHaveLength(2);
  expect(lefts[0]!).toBeLessThanOrEqual(60_000);
  expect(lefts[1]!).toBeLessThanOrEqual(lefts[0]!);
});

test('ends when nothing applies: such rounds take no time', async () => {
  let rounds = 0;
  await untilItFails(async () => {
    rounds++;
    return summary(0);
  }, undefined);
  expect(rounds).toBe(1);
});
