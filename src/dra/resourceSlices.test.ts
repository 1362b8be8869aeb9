import { ManualClock } from '../lib/fake/manualClock.ts';
import { silentLogger } from '../lib/logger.ts';
import { ResourceSlices, WIPE_MS } from './resourceSlices.ts';

let clock: ManualClock;
let wiped: string[];
let fails: number;
let slices: ResourceSlices;
const turns = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  clock = new ManualClock(0);
  wiped = [];
  fails = 0;
  const client = {
    deleteCollection: async (_kind: string, { fieldSelector = '' }) => {
      wiped.push(fieldSelector);
      if (fails-- > 0) throw new Error('Unauthorized');
    },
  };
  slices = new ResourceSlices({ client, nodeName: 'n', clock, log: silentLogger, random: () => 0 });
});
afterEach(() => slices[Symbol.dispose]());

test('at the start all of this node’s go, and it is tried until it succeeds', async () => {
  fails = 2;
  slices.wipeAll();
  await turns();
  expect(wiped).toEqual(['spec.nodeName=n']);
  clock.advance(1000);
  await turns();
  expect(wiped).toHaveLength(2);
  clock.advance(2000);
  await turns();
  clock.advance(600_000);
  await turns();
  expect(wiped).toHaveLength(3);
});

test('those of a driver that is gone go after its time', async () => {
  slices.usable('gpu', false);
  clock.advance(WIPE_MS - 1);
  slices.usable('gpu', false);
  await turns();
  expect(wiped).toEqual([]);
  clock.advance(1);
  await turns();
  expect(wiped).toEqual(['spec.nodeName=n,spec.driver=gpu']);
});

test('a driver that comes back in time keeps them', async () => {
  slices.usable('gpu', false);
  clock.advance(WIPE_MS - 1);
  slices.usable('gpu', true);
  await turns();
  clock.advance(WIPE_MS);
  await turns();
  expect(wiped).toEqual([]);
});

test('one that comes back while the API server refuses keeps what it publishes then', async () => {
  fails = 1;
  slices.usable('gpu', false);
  clock.advance(WIPE_MS);
  await turns();
  expect(wiped).toHaveLength(1);
  slices.usable('gpu', true);
  clock.advance(600_000);
  await turns();
  expect(wiped).toHaveLength(1);
});
