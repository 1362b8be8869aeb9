import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { realClock } from '../lib/clock.ts';
import { until } from '../lib/fake/until.ts';
import { silentLogger } from '../lib/logger.ts';
import { LogRotation } from './logRotation.ts';
import { freeName, tidyRotated } from './rotatedFiles.ts';

let dir: string;
let path: string;
let rotation: LogRotation | undefined;
let reopened: string[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rotation-'));
  path = join(dir, '0.log');
  reopened = [];
});
afterEach(() => {
  rotation?.[Symbol.dispose]();
  rmSync(dir, { recursive: true });
});

function start(reopen = async (id: string) => void reopened.push(id)): LogRotation {
  const sizes = { maxBytes: 1000, maxFiles: 3, maxWorkers: 1, maxWaitMs: 300 };
  const create = async (id: string) => {
    await reopen(id);
    writeFileSync(path, '');
  };
  rotation = new LogRotation({ ...sizes, reopen: create, clock: realClock, logger: silentLogger });
  return rotation;
}
const rotated = () => readdirSync(dir).filter((n) => n !== '0.log');

test('a log that grows too large is moved away and begun anew; a smaller one is left alone', async () => {
  writeFileSync(path, 'x'.repeat(500));
  start().sync('pod', [{ containerId: 'c', path }]);
  await until(() => rotation?.size === 1);
  appendFileSync(path, 'y'.repeat(499));
  appendFileSync(path, 'z');
  await until(() => reopened.length === 1);
  expect(rotated()).toHaveLength(1);
  expect(rotated()[0]).toMatch(/^0\.log\.\d{8}-\d{6}$/);
  expect(readFileSync(join(dir, rotated()[0] as string), 'utf8')).toHaveLength(1000);
});

test('one that is too large already is rotated at once', async () => {
  writeFileSync(path, 'x'.repeat(5000));
  start().sync('pod', [{ containerId: 'c', path }]);
  await until(() => reopened.length === 1);
});

test('of several rotations the newest files stay, older ones compressed', async () => {
  writeFileSync(path, '0'.repeat(1000));
  start().sync('pod', [{ containerId: 'c', path }]);
  for (const round of [1, 2, 3, 4]) {
    await until(() => reopened.length === round && existsSync(path));
    appendFileSync(path, String(round).repeat(1000));
  }
  await until(() => reopened.length === 5 && existsSync(path));
  const names = rotated().sort();
  expect(names).toHaveLength(2);
  expect(names[0]).toMatch(/\.gz$/);
  expect(gunzipSync(readFileSync(join(dir, names[0] as string))).toString()).toBe('3'.repeat(1000));
  expect(readFileSync(join(dir, names[1] as string), 'utf8')).toBe('4'.repeat(1000));
});

test('when the runtime does not begin a new file, the old one comes back and it is tried again', async () => {
  writeFileSync(path, 'x'.repeat(1000));
  let failures = 0;
  start(async (id) => {
    if (failures++ === 0) throw new Error('busy');
    reopened.push(id);
  }).sync('pod', [{ containerId: 'c', path }]);
  await until(() => failures === 1 && existsSync(path));
  await until(() => reopened.length === 1);
  expect(readFileSync(join(dir, rotated()[0] as string), 'utf8')).toHaveLength(1000);
});

test('a missing log is begun anew', async () => {
  start().sync('pod', [{ containerId: 'c', path }]);
  await until(() => existsSync(path));
  expect(reopened).toEqual(['c']);
});

test('containers that are over are no longer watched', () => {
  writeFileSync(path, '');
  start().sync('pod', [{ containerId: 'c', path }]);
  rotation?.sync('pod', [{ containerId: 'd', path }]);
  expect(rotation?.size).toBe(1);
  rotation?.forget('pod');
  expect(rotation?.size).toBe(0);
});

test('leftovers of a rotation that broke off are removed', async () => {
  const names = [
    '20260101-000000.gz',
    '20260101-000001',
    '20260101-000001.gz',
    '20260101-000002.tmp',
    '20260101-000003',
  ];
  for (const name of names) writeFileSync(`${path}.${name}`, name);
  await tidyRotated(path, 10);
  expect(rotated().sort()).toEqual([
    '0.log.20260101-000000.gz',
    '0.log.20260101-000001.gz',
    '0.log.20260101-000003.gz',
  ]);
});

test('a name that is taken makes room for a later one', async () => {
  const now = Date.parse('2026-01-02T03:04:05.678Z');
  expect(await freeName(path, now)).toBe(`${path}.20260102-030405`);
  writeFileSync(`${path}.20260102-030405`, '');
  writeFileSync(`${path}.20260102-030406.gz`, '');
  expect(await freeName(path, now)).toBe(`${path}.20260102-030407`);
});
