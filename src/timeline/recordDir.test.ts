import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBelow } from '../lib/fake/openFiles.ts';
import { until } from '../lib/fake/until.ts';
import { createLogger } from '../lib/logger.ts';
import { RecordDir } from './recordDir.ts';

let dir: string;
let written: string[];
const log = createLogger({ write: (line) => void written.push(line) });
const record = (n: number, text = '') => ({ now: { wall: n, mono: n }, facts: { text }, memory: {}, decision: {} });
const descriptors = () => openBelow(dir).length;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'records-'));
  written = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

test('a file is closed when its Pod ends, and goes on when the Pod comes back', async () => {
  using records = new RecordDir(dir, log);
  for (let i = 0; i < 100; i++) records.write(`u${i}`, record(1));
  await until(() => descriptors() === 100);
  for (let i = 0; i < 100; i++) records.close(`u${i}`);
  expect(records.open).toBe(0);
  await until(() => descriptors() === 0);
  records.write('u7', record(2));
  records.close('u7');
  const lines = () => readFileSync(join(dir, 'u7.jsonl'), 'utf8').trim().split('\n');
  await until(() => lines().length === 2);
  expect(lines().map((line) => JSON.parse(line).now.mono)).toEqual([1, 2]);
});

test('a file that cannot be written is one warning, and the end of nothing', async () => {
  using records = new RecordDir(dir, log);
  mkdirSync(join(dir, 'u.jsonl'));
  for (let i = 0; i < 5; i++) records.write('u', record(i));
  await until(() => written.length > 0);
  for (let i = 0; i < 5; i++) records.write('u', record(i));
  records.close('u');
  await new Promise((resolve) => setImmediate(resolve));
  expect(written).toHaveLength(1);
  expect(written[0]).toContain('the record of a Pod cannot be written');
});

test('a disk that does not keep up: what waits is bounded, what is left out is told once', async () => {
  using records = new RecordDir(dir, log, 1_000_000);
  for (let i = 0; i < 500; i++) records.write('u', record(i, 'x'.repeat(10_000)));
  records.close('u');
  expect(written.filter((line) => line.includes('the disk is too slow'))).toHaveLength(1);
  const size = () => statSync(join(dir, 'u.jsonl'), { throwIfNoEntry: false })?.size ?? 0;
  await until(() => size() > 1_000_000);
  expect(size()).toBeLessThan(1_200_000);
});
