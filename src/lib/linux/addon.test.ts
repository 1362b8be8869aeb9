import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type koffi from 'koffi';
import { loadAddon } from './addon.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'addon-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const native = path.join(
  path.dirname(createRequire(path.join(process.cwd(), 'package.json')).resolve(`@koromix/koffi-linux-${process.arch}`)),
  `linux_${process.arch}/koffi.node`,
);

test('an addon is loaded from memory through the first directory that allows it, and its file is gone afterwards', () => {
  const addon = loadAddon(readFileSync(native), ['/proc', path.join(directory, 'absent'), directory]) as typeof koffi;
  expect(addon.load('libc.so.6').func('int getpid()')()).toBe(process.pid);
  expect(readdirSync(directory)).toEqual([]);
});

test('bytes that are no addon are refused with what the loader said, and leave no file', () => {
  expect(() => loadAddon(Buffer.from('no addon'), [directory])).toThrow(/native addon .*TMPDIR.*addon-test-/);
  expect(readdirSync(directory)).toEqual([]);
});
