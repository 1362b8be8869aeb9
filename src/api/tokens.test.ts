import { ManualClock } from '../lib/fake/manualClock.ts';
import { failure, until } from '../lib/fake/until.ts';
import { isInvalid } from './apiError.ts';
import { ApiClient } from './client.ts';
import { FakeApiServer } from './fake/server.ts';
import { TokenManager } from './tokens.ts';

const spec = { namespace: 'ns', serviceAccount: 'sa', podName: 'web', podUid: 'u1', expirationSeconds: 3600 };
const MINUTE = 60_000;

async function setup(random = 0) {
  const clock = new ManualClock();
  const fake = await FakeApiServer.start({ now: () => clock.now().wall });
  const client = new ApiClient(fake.connection);
  const close = async () => {
    await client[Symbol.asyncDispose]();
    await fake[Symbol.asyncDispose]();
  };
  return {
    clock,
    fake,
    tokens: new TokenManager(client, { clock, random: () => random }),
    [Symbol.asyncDispose]: close,
  };
}

describe('service account tokens', () => {
  test('are bound to the Pod, asked for once at a time and kept until 80 % of their life', async () => {
    await using world = await setup();
    const { tokens, clock, fake } = world;
    const [first, same] = await Promise.all([tokens.get(spec), tokens.get({ ...spec })]);
    expect(same).toBe(first);
    expect(fake.seen('create', 'ServiceAccount', 'token')).toHaveLength(1);
    expect(fake.seen('create', 'ServiceAccount')[0]!.body).toMatchObject({
      spec: { expirationSeconds: 3600, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'web', uid: 'u1' } },
    });
    clock.advance(47 * MINUTE);
    expect(await tokens.get(spec)).toBe(first);
    clock.advance(1 * MINUTE);
    expect((await tokens.get(spec)).token).not.toBe(first!.token);
  });

  test.each([
    ['80 % of an hour, less the jitter', 3600, 0.5, 48 * MINUTE - 5000],
    ['a day for a long life', 7 * 86_400, 0, 1440 * MINUTE],
    ['80 % of ten minutes for less than the minimum', 60, 0, 8 * MINUTE],
  ])('are refreshed after %s', async (_name, expirationSeconds, random, expected) => {
    await using world = await setup(random);
    const issued = await world.tokens.get({ ...spec, expirationSeconds });
    expect(issued.refreshAt - world.clock.now().wall).toBe(expected);
  });

  test.each([
    [404, 'NotFound', 'pod "web" not found'],
    [403, 'Forbidden', "no relationship found between node 'n1' and this object"],
  ])(
    'are asked for again in 50 ms steps while the API server has not seen the Pod: %s',
    async (status, reason, message) => {
      await using world = await setup();
      const { tokens, clock, fake } = world;
      fake.faults.add({ match: (r) => r.kind === 'ServiceAccount', status, reason, message, times: 2 });
      const token = tokens.get(spec);
      for (let asked = 1; asked <= 2; asked += 1) {
        await until(() => clock.pending === 1);
        expect(fake.seen('create', 'ServiceAccount')).toHaveLength(asked);
        expect(clock.nextIn).toBe(50);
        clock.advance(50);
      }
      expect(await token).toHaveProperty('token');
    },
  );

  test('a service account that is not there is told at once', async () => {
    await using world = await setup();
    const message = 'serviceaccounts "sa" not found';
    world.fake.faults.add({
      match: (r) => r.kind === 'ServiceAccount',
      status: 404,
      reason: 'NotFound',
      message,
      times: 1,
    });
    expect(await failure(world.tokens.get(spec))).toMatchObject({ message });
  });

  test('serve until they expire while the API server is away, and not longer', async () => {
    await using world = await setup();
    const { tokens, clock, fake } = world;
    const first = await tokens.get(spec);
    await fake.wire.stop();
    clock.advance(50 * MINUTE);
    expect(await tokens.get(spec)).toBe(first);
    clock.advance(10 * MINUTE);
    expect(await failure(tokens.get(spec))).toMatchObject({ code: 'ApiUnreachable' });
  });

  test('differ by audience, and a Pod that is gone takes its own along', async () => {
    await using world = await setup();
    const { tokens } = world;
    await tokens.get(spec);
    const other = await tokens.get({ ...spec, audiences: ['vault'] });
    expect(other.token).not.toBe((await tokens.get(spec)).token);
    await tokens.get({ ...spec, podUid: 'u2' });
    expect(tokens.size).toBe(3);
    tokens.forget('u1');
    expect(tokens.size).toBe(1);
  });

  test('a refusal reaches the caller and leaves nothing behind', async () => {
    await using world = await setup();
    world.fake.fail({ kind: 'ServiceAccount', times: 1, status: 422, reason: 'Invalid' });
    expect(isInvalid(await failure(world.tokens.get(spec)))).toBe(true);
    expect(world.tokens.size).toBe(0);
  });
});
