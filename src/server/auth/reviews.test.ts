import { ManualClock } from '../../lib/fake/manualClock.ts';
import { accessReviewer, tokenReviewer } from './reviews.ts';

function client(answer: (kind: string, spec: Record<string, unknown>) => object) {
  const asked: { kind: string; spec: Record<string, unknown> }[] = [];
  const create = async (kind: string, { spec }: { spec: Record<string, unknown> }) => {
    asked.push({ kind, spec });
    return { status: answer(kind, spec) };
  };
  return { asked, create: create as never };
}
const alice = { name: 'alice', groups: ['g'] };

describe('tokens', () => {
  test('yes and no are kept for the time, errors are not', async () => {
    const clock = new ManualClock();
    const user = { username: 'alice', uid: '1', groups: ['g'], extra: { k: ['v'] } };
    let away = false;
    const api = client((_kind, { token }) => {
      if (away) throw new Error('away');
      return token === 'good' ? { authenticated: true, user } : { authenticated: false };
    });
    const review = tokenReviewer(api, clock, 1000);
    expect(await review('good')).toEqual({ name: 'alice', uid: '1', groups: ['g'], extra: { k: ['v'] } });
    expect(await review('bad')).toBeUndefined();
    away = true;
    expect((await review('good'))?.name).toBe('alice');
    expect(await review('bad')).toBeUndefined();
    expect(api.asked).toHaveLength(2);
    clock.advance(1001);
    await expect(review('good')).rejects.toThrow('away');
    away = false;
    expect((await review('good'))?.name).toBe('alice');
  });

  test('an error of the review is one, not a no', async () => {
    const review = tokenReviewer(
      client(() => ({ error: 'webhook broken' })),
      new ManualClock(),
      1000,
    );
    await expect(review('x')).rejects.toThrow('the token review failed: webhook broken');
  });

  test('any number of wrong tokens leaves the answers on good ones', async () => {
    const api = client((_kind, { token }) =>
      token === 'good' ? { authenticated: true, user: { username: 'a' } } : { authenticated: false },
    );
    const review = tokenReviewer(api, new ManualClock(), 1_000_000);
    await review('good');
    for (let i = 0; i < 10_000; i++) await review(`wrong ${i}`);
    const asked = api.asked.length;
    expect(await review('good')).toMatchObject({ name: 'a' });
    expect(api.asked).toHaveLength(asked);
  });

  test('many at once are one question', async () => {
    const api = client(() => ({ authenticated: true, user: { username: 'a' } }));
    const review = tokenReviewer(api, new ManualClock(), 1000);
    await Promise.all(Array.from({ length: 50 }, () => review('t')));
    expect(api.asked).toHaveLength(1);
  });
});

describe('rights', () => {
  test('the question is about this node, and yes is kept longer than no', async () => {
    const clock = new ManualClock();
    const api = client((_kind, spec) => ({ allowed: (spec.resourceAttributes as { verb: string }).verb === 'get' }));
    const review = accessReviewer(api, clock, 'node-1', { allowedMs: 5000, deniedMs: 1000 });
    expect(await review(alice, 'get', 'proxy')).toBe(true);
    expect(await review(alice, 'create', 'proxy')).toBe(false);
    expect(api.asked[0]).toEqual({
      kind: 'SubjectAccessReview',
      spec: {
        user: 'alice',
        groups: ['g'],
        resourceAttributes: { verb: 'get', version: 'v1', resource: 'nodes', subresource: 'proxy', name: 'node-1' },
      },
    });
    clock.advance(1500);
    await review(alice, 'get', 'proxy');
    await review(alice, 'create', 'proxy');
    expect(api.asked).toHaveLength(3);
    expect(api.asked[2]?.spec.resourceAttributes).toMatchObject({ verb: 'create' });
    await review({ ...alice, groups: ['other'] }, 'get', 'proxy');
    expect(api.asked).toHaveLength(4);
  });

  test('a denial wins', async () => {
    const review = accessReviewer(
      client(() => ({ allowed: true, denied: true })),
      new ManualClock(),
      'n',
      {
        allowedMs: 1,
        deniedMs: 1,
      },
    );
    expect(await review(alice, 'get', 'proxy')).toBe(false);
  });
});
