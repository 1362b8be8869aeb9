import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { FakeDraPlugin } from './fake/fakeDraPlugin.ts';
import { DraPlugins } from './plugins.ts';
import { chooseService } from './rules/services.ts';

const DRIVER = 'gpu.example.com';
let root: string;
let plugins: DraPlugins;
let usable: boolean[];
let arrivals: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kts-dra-'));
  usable = [];
  arrivals = 0;
  plugins = new DraPlugins({ log: silentLogger, onUsable: (_driver, is) => usable.push(is) });
  plugins.onArrival(() => arrivals++);
});
afterEach(() => {
  plugins[Symbol.dispose]();
  rmSync(root, { recursive: true });
});

test('the newest plug-in of a driver that is connected is asked', async () => {
  await using first = await FakeDraPlugin.start({ directory: root, driver: DRIVER });
  await using second = await FakeDraPlugin.start({ directory: root, driver: DRIVER, socket: 'second.sock' });
  plugins.register(first.info);
  plugins.register(second.info);
  await until(() => plugins.require(DRIVER).endpoint === second.info.endpoint && plugins.require(DRIVER).connected);
  await second.vanish();
  await until(() => plugins.require(DRIVER).endpoint === first.info.endpoint);
  expect(usable.at(-1)).toBe(true);
  plugins.deregister(second.info);
  plugins.deregister(second.info);
  plugins.deregister(first.info);
  expect(usable.at(-1)).toBe(false);
  expect(() => plugins.require(DRIVER)).toThrow(`DRA driver ${DRIVER} is not registered`);
});

test('a driver whose server vanishes and comes back under its registration', async () => {
  await using driver = await FakeDraPlugin.start({ directory: root, driver: DRIVER });
  plugins.register(driver.info);
  await until(() => usable.at(-1) === true);
  const before = arrivals;
  await driver.vanish();
  await until(() => usable.at(-1) === false);
  await driver.serve();
  await until(() => usable.at(-1) === true);
  expect(arrivals).toBe(before + 1);
});

test('an endpoint is not taken twice', async () => {
  await using driver = await FakeDraPlugin.start({ directory: root, driver: DRIVER });
  plugins.register(driver.info);
  expect(() => plugins.register(driver.info)).toThrow(
    `endpoint ${driver.info.endpoint} already registered for DRA driver plugin ${DRIVER}`,
  );
});

test.each<[readonly string[], string]>([
  [['v1.DRAPlugin'], 'v1.DRAPlugin'],
  [['v1alpha1.DRAResourceHealth', 'v1beta1.DRAPlugin'], 'v1beta1.DRAPlugin'],
  [['v1beta1.DRAPlugin', 'v1.DRAPlugin'], 'v1beta1.DRAPlugin'],
])('of %s kubelet speaks %s', (offered, expected) => {
  expect(chooseService(DRIVER, '/s', offered)).toBe(expected);
});

test.each<[readonly string[], string]>([
  [[], 'empty list of supported gRPC services (aka supported versions)'],
  [
    ['v2.DRAPlugin'],
    'none of services supported by the plugin (["v2.DRAPlugin"]) are supported by the kubelet (["v1.DRAPlugin" "v1beta1.DRAPlugin"])',
  ],
])('a plug-in that offers %s is refused', (versions, words) => {
  const info = { type: 'DRAPlugin', name: DRIVER, endpoint: '/s', socket: '/s', versions };
  const sentence = `invalid supported gRPC versions of DRA driver plugin ${DRIVER} at endpoint /s: ${words}`;
  expect(() => plugins.validate(info)).toThrow(sentence);
  expect(() => plugins.register(info)).toThrow(sentence);
});
