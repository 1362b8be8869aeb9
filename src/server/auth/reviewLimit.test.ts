import { ManualClock } from '../../lib/fake/manualClock.ts';
import { ask, bearer, eachOnItsOwn, start } from '../fake/testServer.ts';
import { limitReviews } from './reviewLimit.ts';
import { tokenReviewer } from './reviews.ts';

const status = { authenticated: false };

test('beyond the rate nobody is asked: 429, and a second later there is room again', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const create = async () => {
    asked += 1;
    return { status };
  };
  const review = tokenReviewer(limitReviews({ create: create as never }, clock, { qps: 5, burst: 10 }), clock, 1000);
  const all = await Promise.allSettled(Array.from({ length: 1000 }, (_, i) => review(`token ${i}`)));
  expect(asked).toBe(10);
  const refused = all.flatMap((r) => (r.status === 'rejected' ? [r.reason] : []));
  expect(refused).toHaveLength(990);
  for (const reason of refused) expect(reason).toMatchObject({ status: 429, headers: { 'retry-after': '1' } });
  clock.advance(1000);
  await Promise.allSettled(Array.from({ length: 100 }, (_, i) => review(`later ${i}`)));
  expect(asked).toBe(15);
});

test('an API server that does not answer has at most 64 reviews under way', async () => {
  let asked = 0;
  const answer = Promise.withResolvers<{ status: object }>();
  const create = () => {
    asked += 1;
    return answer.promise;
  };
  const limited = limitReviews({ create: create as never }, new ManualClock(), { qps: -1, burst: 1 });
  const all = Array.from({ length: 500 }, () => limited.create('TokenReview', {} as never));
  const settled = Promise.allSettled(all);
  expect(asked).toBe(64);
  answer.resolve({ status });
  const refused = (await settled).filter((r) => r.status === 'rejected');
  expect(refused).toHaveLength(436);
  await limited.create('TokenReview', {} as never); // the places are free again
  expect(asked).toBe(65);
});

describe('at the server', () => {
  eachOnItsOwn();

  test('whoever tries tokens is answered with 429, not 401, once there were too many', async () => {
    let asked = 0;
    const clock = new ManualClock();
    const create = async () => {
      asked += 1;
      return { status };
    };
    const token = tokenReviewer(limitReviews({ create: create as never }, clock, { qps: 1, burst: 3 }), clock, 1000);
    await start({}, { token, review: async () => true });
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push((await ask('/pods', bearer(`wrong-${i}`))).status);
    expect(answers).toEqual([401, 401, 401, 429, 429, 429]);
    expect(asked).toBe(3);
  });
});
