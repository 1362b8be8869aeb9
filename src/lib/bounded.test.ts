import v8 from 'node:v8';
import vm from 'node:vm';
import { bounded, firstBytes } from './bounded.ts';
import { errorMessage, KubeletError } from './errors.ts';
import { createLogger } from './logger.ts';

const texts = ['a', 'ü', '€', '😀', '\u0000', '\ud800', '"', '\\'];

test.each(texts)('a text of many %j is cut to its bound in bytes, with both its ends', (char) => {
  for (const length of [0, 1, 10, 20, 40, 63, 64, 65, 100, 1000, 100_000]) {
    const text = `<${char.repeat(length)}>`;
    const cut = bounded(text, 64);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(64);
    expect(cut.isWellFormed() || !text.isWellFormed()).toBe(true);
    if (Buffer.byteLength(text) <= 64) expect(cut).toBe(text);
    else expect([cut[0], cut.at(-1), cut.includes(`${text.length} characters`)]).toEqual(['<', '>', true]);
  }
});

test('a cut text is a copy: it does not keep the long one in memory', () => {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 64 }, (_, i) => bounded(String.fromCharCode(65 + (i % 26)).repeat(1_000_000) + i));
  gc();
  expect(kept.every((text) => text.length <= 4096)).toBe(true);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(16_000_000);
});

test('the first bytes end at a character', () => {
  expect(firstBytes('a€b', 3)).toBe('a');
  expect(firstBytes('a€b', 4)).toBe('a€');
  expect(firstBytes('a😀', 4)).toBe('a');
});

test('an error of any length has a message of 16 KiB at most', () => {
  const huge = 'x'.repeat(16_000_000);
  expect(new KubeletError(huge, { code: 'Test' }).message.length).toBeLessThanOrEqual(16_384);
  expect(new KubeletError(huge, { code: 'Test' }).stack?.length).toBeLessThan(32_768);
  expect(errorMessage(new Error(huge)).length).toBeLessThanOrEqual(16_384);
  expect(errorMessage(huge).length).toBeLessThanOrEqual(16_384);
});

test.each(['text', 'json'] as const)('%s: no field of a log line is longer than 8 KiB', (format) => {
  const written: string[] = [];
  const log = createLogger({ format, write: (line) => void written.push(line) });
  const huge = '\u0001"'.repeat(8_000_000);
  const fields = { a: huge, b: { c: huge, d: [huge, huge, huge] }, e: new Error(huge), f: 1, g: undefined };
  log.warn(huge, fields);
  expect(Buffer.byteLength(written[0]!)).toBeLessThan(5 * 8192);
  if (format === 'json')
    expect(Object.keys(JSON.parse(written[0]!))).toEqual(['ts', 'level', 'v', 'msg', 'a', 'b', 'e', 'f']);
  else expect(written[0]).toMatch(/ f=1\n$/);
});
