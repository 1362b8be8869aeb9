import { createLogger } from '../lib/logger.ts';
import { logAction } from './recording.ts';
import type { Action } from './rules/actions.ts';

const action: Action = { kind: 'removeCgroup', slot: 'cgroup' };
const pod = { namespace: 'ns', name: 'web', uid: 'u1' };

function lines(verbosity: number, error: unknown): string[] {
  const written: string[] = [];
  const log = createLogger({ format: 'json', verbosity, write: (line) => void written.push(line) });
  logAction(log, pod, action, 12.4, error);
  return written;
}

test("an action that failed is one line with the Pod's identity", () => {
  const [line, ...more] = lines(0, new Error('device or resource busy'));
  expect(more).toEqual([]);
  expect(JSON.parse(line!)).toMatchObject({
    ...{ pod: 'ns/web', podUID: 'u1', action: 'removeCgroup', slot: 'cgroup', ms: 12 },
    error: 'device or resource busy',
  });
});

test('one that went well, or was no longer wanted, is told at -v=4 only', () => {
  const aborted = new DOMException('no longer wanted', 'AbortError');
  for (const error of [undefined, aborted]) {
    expect(lines(0, error)).toEqual([]);
    expect(lines(4, error)).toHaveLength(1);
  }
});
