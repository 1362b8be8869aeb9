import { ManualClock } from '../lib/fake/manualClock.ts';
import { RateLimiter } from '../lib/limiter.ts';
import { apiErrorFrom } from './apiError.ts';
import { ObjectStore } from './objectStore.ts';

const claim = (version: string, phase: string) => ({
  metadata: { name: 'data', namespace: 'ns', uid: 'u', resourceVersion: version },
  spec: { volumeName: 'pv' },
  status: { phase },
});
const gone = apiErrorFrom(
  404,
  JSON.stringify({
    kind: 'Status',
    reason: 'NotFound',
    message: 'persistentvolumeclaims "data" not found',
    details: { name: 'data', kind: 'persistentvolumeclaims' },
  }),
  undefined,
  'GET',
);
const denied = apiErrorFrom(
  403,
  JSON.stringify({
    kind: 'Status',
    reason: 'Forbidden',
    message: `persistentvolumeclaims "data" is forbidden: User "system:node:n" cannot get resource: no relationship found between node 'n' and this object`,
  }),
  undefined,
  'GET',
);

function polling(answer: () => unknown = () => claim('1', 'Pending')) {
  const clock = new ManualClock();
  const asked: number[] = [];
  const world = { answer };
  const client = {
    get: async () => {
      asked.push(clock.now().mono);
      return world.answer();
    },
  };
  const store = new ObjectStore(client as never, { clock, random: () => 0 });
  const states: string[] = [];
  store.subscribe('PersistentVolumeClaim', 'ns', 'data', (state) =>
    states.push(
      state.state === 'present' ? `present ${state.object.status?.phase}` : `${state.state} ${'reason' in state}`,
    ),
  );
  return { clock, asked, world, store, states };
}

test('a claim is asked for ever more slowly until it is bound, and seldom from then on', async () => {
  const { clock, asked, world, states } = polling();
  await clock.advanceAsync(700);
  expect(asked.map((at) => at - asked[0]!)).toEqual([0, 100, 300, 700]);
  await clock.advanceAsync(60_000);
  const last = asked.slice(-2);
  expect(last[1]! - last[0]!).toBe(5_000);
  world.answer = () => claim('2', 'Bound');
  await clock.advanceAsync(5_000);
  expect(states).toEqual(['present Pending', 'present Bound']);
  const count = asked.length;
  await clock.advanceAsync(80_000);
  expect(asked).toHaveLength(count);
  await clock.advanceAsync(10_000);
  expect(asked).toHaveLength(count + 1);
  expect(states).toHaveLength(2); // the same version again is no news
});

test('absent, denied and gone are told apart', async () => {
  const { clock, world, store, states } = polling(() => {
    throw denied;
  });
  await clock.advanceAsync(0);
  expect(store.get('PersistentVolumeClaim', 'ns', 'data')).toMatchObject({
    state: 'unknown',
    reason: expect.stringContaining('no relationship found'),
  });
  world.answer = () => claim('1', 'Bound');
  await clock.advanceAsync(100);
  world.answer = () => {
    throw gone;
  };
  await clock.advanceAsync(90_000);
  expect(states).toEqual(['unknown true', 'present Bound', 'absent false']);
  store[Symbol.dispose]();
});

test('nobody asks any more after the last subscriber has gone', async () => {
  const { clock, asked, store } = polling();
  store[Symbol.dispose]();
  await clock.advanceAsync(10_000);
  expect(asked.length).toBeLessThan(2);
});

test('claims that stay unbound hold up no first reading: each further question waits in a bucket of its own', async () => {
  const clock = new ManualClock();
  const asked: string[] = [];
  const client = { get: async (_kind: string, { name }: { name: string }) => void asked.push(name) };
  const store = new ObjectStore(client as never, {
    ...{ clock, random: () => 0 },
    limiter: new RateLimiter(clock, 10, 10),
    pollLimiter: new RateLimiter(clock, 1, 1),
  });
  for (let i = 0; i < 100; i++) store.subscribe('PersistentVolumeClaim', 'ns', `unbound-${i}`, () => {});
  await clock.advanceAsync(60_000);
  store.subscribe('PersistentVolumeClaim', 'ns', 'new', () => {});
  await clock.advanceAsync(0);
  expect(asked).toContain('new');
  const before = asked.length;
  await clock.advanceAsync(10_000);
  expect(asked.length - before).toBeLessThanOrEqual(11);
  store[Symbol.dispose]();
});
