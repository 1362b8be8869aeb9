import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { PodCidr } from './podCidr.ts';

function setUp(answer: () => Promise<void> = async () => {}) {
  const clock = new ManualClock();
  const told: (string | undefined)[] = [];
  const cri = {
    async updateRuntimeConfig(config: { networkConfig?: { podCidr?: string } | undefined }) {
      told.push(config.networkConfig?.podCidr);
      await answer();
    },
  };
  const own = new PodCidr(cri, { clock, log: silentLogger });
  return { own, told, clock };
}
const node = (spec: object) => ({ metadata: { name: 'n' }, spec });

test('the runtime hears of the Node’s addresses once, and of new ones', async () => {
  const { own, told } = setUp();
  own.seen(node({}));
  own.seen(node({ podCIDRs: ['10.1.0.0/24', 'fd00::/64'] }));
  await until(() => told.length === 1);
  own.seen(node({ podCIDRs: ['10.1.0.0/24', 'fd00::/64'] }));
  own.seen(node({ podCIDR: '10.2.0.0/24' }));
  await until(() => told.length === 2);
  own.seen(node({}));
  expect(told).toEqual(['10.1.0.0/24,fd00::/64', '10.2.0.0/24']);
});

test('a runtime that does not take them is asked again, with the newest, until the agent ends', async () => {
  let down = true;
  const { own, told, clock } = setUp(async () => {
    if (down) throw new Error('unavailable');
  });
  own.want('10.1.0.0/24');
  await until(() => clock.pending > 0);
  own.want('10.2.0.0/24');
  expect(told).toEqual(['10.1.0.0/24']);
  clock.advance(2_000);
  await until(() => told.length === 2 && clock.pending > 0);
  down = false;
  clock.advance(4_000);
  await until(() => told.length === 3);
  expect(told.slice(1)).toEqual(['10.2.0.0/24', '10.2.0.0/24']);
  down = true;
  own.want('10.3.0.0/24');
  await until(() => told.length === 4 && clock.pending > 0);
  own[Symbol.dispose]();
  clock.advance(120_000);
  await until(() => clock.pending === 0);
  expect(told).toHaveLength(4);
});
