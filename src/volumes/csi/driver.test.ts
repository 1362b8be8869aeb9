import { status } from '@grpc/grpc-js';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { FakeMounter } from '../../lib/fake/mounter.ts';
import { failure, until } from '../../lib/fake/until.ts';
import type { CallRecord } from '../../rpc/connectionOptions.ts';
import { RpcStatus } from '../../rpc/service.ts';
import type { CsiError } from './csiError.ts';
import { CsiDriver } from './driver.ts';
import type { FakeCsiDriver } from './fake/driver.ts';
import { CsiTestNode, DRIVER } from './fake/node.ts';
import { takesLabels } from './selinux.ts';

let node: CsiTestNode;
let fake: FakeCsiDriver;
const clock = new ManualClock();
const calls: CallRecord[] = [];
let driver: CsiDriver;

const client = (timeoutMs?: number) =>
  new CsiDriver({
    ...{ name: DRIVER, endpoint: node.plugin().endpoint, version: [1, 0], clock },
    onCall: (_name, call) => void calls.push(call),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });

beforeEach(async () => {
  node = await CsiTestNode.start();
  fake = await node.driver({ capabilities: ['STAGE_UNSTAGE_VOLUME'] });
  driver = client();
});
afterEach(async () => {
  driver[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
});

test('what a driver can do is asked for once a minute, and anew after a call that broke', async () => {
  expect(await driver.can('STAGE_UNSTAGE_VOLUME')).toBe(true);
  expect(await driver.can('GET_VOLUME_STATS')).toBe(false);
  expect(fake.count('NodeGetCapabilities')).toBe(1);
  clock.advance(60_000);
  await driver.can('STAGE_UNSTAGE_VOLUME');
  expect(fake.count('NodeGetCapabilities')).toBe(2);
  fake.before = ({ method }) => {
    if (method === 'NodeUnpublishVolume') throw new RpcStatus(status.UNAVAILABLE, 'going');
  };
  await failure(driver.unpublish('h', '/t'));
  await driver.can('STAGE_UNSTAGE_VOLUME');
  expect(fake.count('NodeGetCapabilities')).toBe(3);
});

test.each([
  [status.INTERNAL, 'refused', 'rpc error: code = Internal desc = no'],
  [status.INVALID_ARGUMENT, 'refused', 'rpc error: code = InvalidArgument desc = no'],
  [status.NOT_FOUND, 'refused', 'rpc error: code = NotFound desc = no'],
  [status.FAILED_PRECONDITION, 'refused', 'rpc error: code = FailedPrecondition desc = no'],
  [status.ABORTED, 'unsure', 'rpc error: code = Aborted desc = no'],
  [status.RESOURCE_EXHAUSTED, 'unsure', 'rpc error: code = ResourceExhausted desc = no'],
  [status.UNAVAILABLE, 'unsure', 'rpc error: code = Unavailable desc = no'],
  [status.DEADLINE_EXCEEDED, 'unsure', 'rpc error: code = DeadlineExceeded desc = no'],
  [status.CANCELLED, 'unsure', 'rpc error: code = Canceled desc = no'],
])('status %i is %s', async (code, outcome, message) => {
  fake.before = () => {
    throw new RpcStatus(code, 'no');
  };
  expect(await failure(driver.unpublish('h', '/t'))).toMatchObject({ outcome, message });
});

test('a driver that hangs is given up at the deadline, in words that do not change from time to time', async () => {
  fake.before = () => new Promise(() => {});
  using impatient = client(50);
  const first = (await failure(impatient.unpublish('h', '/t'))) as CsiError;
  expect([first.outcome, first.message]).toEqual([
    'unsure',
    'rpc error: code = DeadlineExceeded desc = context deadline exceeded',
  ]);
});

test('a driver whose process is gone is a connection error, and it is connected to again', async () => {
  await driver.can('STAGE_UNSTAGE_VOLUME');
  await fake.stop();
  await until(async () => ((await failure(driver.unpublish('h', '/t'))) as CsiError).message.includes('Unavailable'));
  await fake.start();
  await until(() =>
    driver.unpublish('h', '/t').then(
      () => true,
      () => false,
    ),
  );
});

test('changes of one volume wait for each other, those of others do not', async () => {
  const go = Promise.withResolvers<void>();
  fake.before = ({ method, request }) =>
    method === 'NodeUnpublishVolume' && request.volumeId === 'slow' && fake.count('NodeUnpublishVolume') === 1
      ? go.promise
      : undefined;
  const first = driver.unpublish('slow', '/a');
  await until(() => fake.count('NodeUnpublishVolume') === 1);
  const second = driver.unpublish('slow', '/b');
  await driver.unpublish('other', '/c');
  expect(fake.requests('NodeUnpublishVolume').map((r) => r.targetPath)).toEqual(['/a', '/c']);
  go.resolve();
  await Promise.all([first, second]);
  expect(fake.requests('NodeUnpublishVolume').map((r) => r.targetPath)).toEqual(['/a', '/c', '/b']);
});

test('each call is told with its code: csi_operations_seconds', async () => {
  calls.length = 0;
  await driver.can('STAGE_UNSTAGE_VOLUME');
  expect(calls.map(({ method, error }) => [method, error?.grpcCodeName])).toEqual([['NodeGetCapabilities', undefined]]);
});

test('files are labelled where there is SELinux and the file system keeps labels', async () => {
  const mounter = new FakeMounter();
  for (const data of ['rw,seclabel', 'rw'])
    await mounter.mount({ source: 'x', target: node.root, fsType: 'ext4', data });
  expect(await takesLabels(mounter, node.root, async () => false)).toBe(false);
  expect(await takesLabels(mounter, node.root, async () => true)).toBe(false);
  await mounter.mount({ source: 'x', target: node.root, fsType: 'ext4', data: 'rw,seclabel' });
  expect(await takesLabels(mounter, node.root, async () => true)).toBe(true);
});

test('a volume that a Pod has had waits for its driver, as long as one takes to register again and no longer', async () => {
  const { drivers, signal } = node;
  const waiting = drivers.appears(DRIVER, clock, signal);
  drivers.set(client());
  await waiting;
  expect(clock.pending).toBe(0);
  const ended = new AbortController();
  const given = failure(drivers.appears('other', clock, ended.signal));
  ended.abort();
  await given;
  const late = drivers.appears('other', clock, signal);
  clock.advance(20_000);
  await late;
});

test('an answer of many parts is refused before it is read; a large request is sent', async () => {
  fake.before = ({ method }) => {
    if (method === 'NodeUnpublishVolume') throw new RpcStatus(status.INTERNAL, 'x'.repeat(1_000_000));
  };
  const usage = Array.from({ length: 20_000 }, () => ({}));
  const talkative = await node.driver({ stats: () => ({ usage }) });
  await talkative.stop();
  using other = new CsiDriver({ name: DRIVER, endpoint: node.plugin(1).endpoint, version: [1, 0], clock });
  await talkative.start();
  expect(await failure(other.stats('h', '/x'))).toMatchObject({
    outcome: 'unsure',
    message: expect.stringContaining('code = ResourceExhausted'),
  });
  const long = (await failure(driver.unpublish('h', '/t'))) as CsiError;
  expect(long.message.length).toBeLessThan(5000);
  const publishing = { volumeId: 'h', targetPath: `${node.root}/t`, secrets: { key: 'x'.repeat(1024 * 1024) } };
  await expect(driver.publish(publishing)).resolves.toBeUndefined();
});
