import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '../../lib/logger.ts';
import { ShutdownState } from './files.ts';

let root: string;
const errors: string[] = [];
const log = { error: (message: string) => errors.push(message) } as unknown as Logger;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'times-'));
  errors.length = 0;
});
afterEach(() => rmSync(root, { recursive: true }));

test("the file is kubelet's, and what it says is read again", async () => {
  const state = new ShutdownState(root, log);
  const path = join(root, 'graceful_node_shutdown_state');
  expect(await state.load()).toEqual({});
  const start = Date.UTC(2026, 0, 2, 3, 4, 5);
  await state.save({ start });
  expect(readFileSync(path, 'utf8')).toBe('{"startTime":"2026-01-02T03:04:05.000Z","endTime":"0001-01-01T00:00:00Z"}');
  expect(statSync(path).mode & 0o777).toBe(0o644);
  expect(await state.load()).toEqual({ start });
  // As Go writes it: nanoseconds and an offset.
  writeFileSync(path, '{"startTime":"2026-01-02T05:04:05.123456789+02:00","endTime":"2026-01-02T03:04:06Z"}');
  expect(await state.load()).toEqual({ start: start + 123, end: start + 1000 });
  expect(errors).toEqual([]);
});

test('a file that cannot be read or written is told, and is none', async () => {
  writeFileSync(join(root, 'graceful_node_shutdown_state'), 'not json');
  expect(await new ShutdownState(root, log).load()).toEqual({});
  await new ShutdownState(join(root, 'graceful_node_shutdown_state'), log).save({ start: 1 });
  expect(errors).toEqual([
    "The times of the node's last shutdown could not be read",
    "The times of the node's last shutdown could not be written",
  ]);
});
