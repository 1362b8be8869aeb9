import { rfc3339 } from './rfc3339.ts';

test.each([
  [0, '1970-01-01T00:00:00Z'],
  [1_700_000_000_999, '2023-11-14T22:13:20Z'],
  [Date.UTC(2026, 1, 28, 23, 59, 59, 1), '2026-02-28T23:59:59Z'],
])('%d ms is %s: a part of a second is cut off', (ms, text) => expect(rfc3339(ms)).toBe(text));
