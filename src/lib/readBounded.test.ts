import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failure } from './fake/until.ts';
import { FileTooLong, readBounded, readBoundedIfThere } from './readBounded.ts';

const directory = mkdtempSync(join(tmpdir(), 'bounded-'));
const at = (name: string) => join(directory, name);
afterAll(() => rmSync(directory, { recursive: true }));

test('a file is read up to a number of bytes, whatever stat says of its size', async () => {
  writeFileSync(at('full'), 'x'.repeat(1000));
  expect((await readBounded(at('full'), 1000)).toString()).toBe('x'.repeat(1000));
  writeFileSync(at('empty'), '');
  expect(await readBounded(at('empty'), 0)).toEqual(Buffer.alloc(0));
  // The kernel says 0 bytes of it.
  expect((await readBounded('/proc/self/status', 1 << 20)).toString()).toMatch(/^Name:.*\n$/s);
});

test('a longer file, a directory, a device and a pipe are refused', async () => {
  writeFileSync(at('long'), 'x'.repeat(1001));
  execFileSync('mkfifo', [at('pipe')]);
  const tooLong = 'it is longer than 1000 bytes, which is more than is read';
  for (const [path, message, isLong] of [
    [at('long'), tooLong, true],
    [at('pipe'), 'it is no file', false],
    ['/dev/zero', 'it is no file', false],
    [directory, 'it is no file', false],
  ] as const) {
    const error = await failure(readBounded(path, 1000));
    expect([path, error instanceof FileTooLong, (error as Error).message]).toEqual([path, isLong, message]);
  }
  const small = await failure(readBounded('/proc/self/status', 10));
  expect(small).toMatchObject({ message: 'it is longer than 10 bytes, which is more than is read' });
});

test('a file that is not there: an error, or undefined', async () => {
  expect(await failure(readBounded(at('none'), 10))).toMatchObject({ code: 'ENOENT' });
  expect(await readBoundedIfThere(at('none'), 10)).toBeUndefined();
});
