import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '../lib/fake/manualClock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { FakeDraPlugin } from './fake/fakeDraPlugin.ts';
import { HealthBook, listenToHealth } from './health.ts';
import { DraPlugins } from './plugins.ts';

const DRIVER = 'gpu.example.com';
let root: string;
let clock: ManualClock;
let book: HealthBook;
let plugins: DraPlugins;
let driver: FakeDraPlugin;
let changes: number;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'kts-dra-'));
  clock = new ManualClock(0);
  book = new HealthBook(clock);
  changes = 0;
  book.onChange(() => changes++);
  plugins = new DraPlugins({
    log: silentLogger,
    onUsable: () => {},
    listen: (plugin) => listenToHealth(plugin, book, clock, () => 0),
  });
  driver = await FakeDraPlugin.start({ directory: root, driver: DRIVER, health: true });
});
afterEach(async () => {
  plugins[Symbol.dispose]();
  book[Symbol.dispose]();
  await driver[Symbol.asyncDispose]();
  rmSync(root, { recursive: true });
});
const said = () => book.of(DRIVER, 'pool', 'one');

test('the last word counts, until it is too old', async () => {
  plugins.register(driver.info);
  await until(() => driver.listeners === 1);
  expect(said()).toBeUndefined();
  await driver.say('one', 'HEALTHY');
  await until(() => said()?.health === 'Healthy');
  clock.advance(1000);
  await driver.say('one', 'UNHEALTHY', 'it burns', 60);
  await until(() => said()?.health === 'Unhealthy');
  expect(said()?.message).toBe('it burns');
  clock.advance(59_999);
  expect(said()?.health).toBe('Unhealthy');
  const before = changes;
  clock.advance(1);
  expect(said()).toEqual({ health: 'Unknown', message: '' });
  expect(changes).toBe(before + 1);
});

test('a driver that talks without end is heard once a second', async () => {
  plugins.register(driver.info);
  await until(() => driver.listeners === 1);
  await driver.say('one', 'HEALTHY');
  await until(() => said()?.health === 'Healthy');
  for (let i = 0; i < 20; i++) await driver.say('one', i % 2 ? 'HEALTHY' : 'UNHEALTHY', `${i}`);
  expect(changes).toBe(1);
  clock.advance(1000);
  await until(() => changes === 2);
});

test('what a driver has said is void when it is gone, and it is heard again when it is back', async () => {
  plugins.register(driver.info);
  await until(() => driver.listeners === 1);
  await driver.say('one', 'HEALTHY');
  await until(() => said()?.health === 'Healthy');
  await driver.vanish();
  await until(() => said()?.health === 'Unknown');
  await until(() => driver.listeners === 0);
  await driver.serve();
  await until(() => {
    clock.advance(5000);
    return driver.listeners === 1;
  });
  plugins.deregister(driver.info);
});

test('a plug-in that does not offer it is not asked', async () => {
  await using other = await FakeDraPlugin.start({ directory: root, driver: 'net.example.com' });
  plugins.register(other.info);
  await until(() => plugins.require('net.example.com').connected);
  expect(other.listeners).toBe(0);
});

test('a message is cut to what the API takes', () => {
  const device = { poolName: 'pool', deviceName: 'one' };
  const more = { lastUpdatedTime: '0', healthCheckTimeoutSeconds: '-1' };
  book.take(DRIVER, [{ device, health: 'UNHEALTHY', message: 'ü'.repeat(1000), ...more }]);
  const { message = '' } = said() ?? {};
  expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1024);
  expect(message).toMatch(/^ü+\.\.\.$/);
});

const word = (deviceName: string) => ({
  device: { poolName: 'pool', deviceName },
  health: 'HEALTHY' as const,
  message: '',
  lastUpdatedTime: '0',
  healthCheckTimeoutSeconds: '0',
});

test('when the old one of two plug-ins of a driver ends, what the new one said stays', () => {
  const [old, young] = [{}, {}];
  book.take(DRIVER, [word('one')] as never, old);
  book.take(DRIVER, [word('one')] as never, young);
  book.clear(DRIVER, old);
  expect(said()?.health).toBe('Healthy');
  book.clear(DRIVER, young);
  expect(said()).toEqual({ health: 'Unknown', message: '' });
});

test('of more than 4096 devices, and of a name longer than 512 bytes, nothing is kept', () => {
  const many = Array.from({ length: 4097 }, (_, i) => word(`d${i}`));
  book.take(DRIVER, [word('x'.repeat(600)), ...many] as never);
  expect(book.of(DRIVER, 'pool', 'd4095')?.health).toBe('Healthy');
  for (const name of ['d4096', 'x'.repeat(600)]) expect(book.of(DRIVER, 'pool', name)?.health).not.toBe('Healthy');
});
