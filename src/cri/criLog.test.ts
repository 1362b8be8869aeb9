import { lastContent, parseCriLogLine } from './criLog.ts';

const T = '2026-01-02T03:04:05.123456789Z';
const text = (b: Buffer | undefined) => b?.toString();

test.each([
  [`${T} stdout F hello\n`, 'stdout', false, 'hello\n'],
  [`${T} stderr F \n`, 'stderr', false, '\n'],
  [`${T} stdout P piece\n`, 'stdout', true, 'piece'],
  [`${T} stdout P:future piece\n`, 'stdout', true, 'piece'],
  [`${T} stdout F no newline`, 'stdout', false, 'no newline'],
  [`2026-01-02T03:04:05+01:00 stdout F a b  c\n`, 'stdout', false, 'a b  c\n'],
])('%j is an entry', (line, stream, partial, content) => {
  const entry = parseCriLogLine(Buffer.from(line));
  expect(entry).toMatchObject({ stream, partial });
  expect(text(entry?.content)).toBe(content);
});

test.each(['', '\n', 'x', `${T} stdout`, `${T} stdin F x\n`, 'yesterday stdout F x\n', `${T} stdout F\n`])(
  '%j is no entry',
  (line) => expect(parseCriLogLine(Buffer.from(line))).toBeUndefined(),
);

const log = (...contents: string[]) => Buffer.from(contents.map((c) => `${T} stdout F ${c}\n`).join(''));

test.each([
  ['an empty log', Buffer.alloc(0), ''],
  ['a lone newline', Buffer.from('\n'), ''],
  ['few lines', log('a', 'b'), 'a\nb\n'],
  ['junk in between', Buffer.concat([log('a'), Buffer.from('junk\n\n'), log('b')]), 'a\nb\n'],
  ['pieces', Buffer.from(`${T} stdout P a\n${T} stdout F b\n`), 'ab\n'],
])('%s', (_, tail, expected) => expect(text(lastContent(tail, true, 80, 2048))).toBe(expected));

test('limits hold for logs of every shape', () => {
  let seed = 7;
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % n;
  };
  for (let round = 0; round < 200; round++) {
    const contents = Array.from({ length: random(200) }, (_, i) => `${i}:${'x'.repeat(random(round % 2 ? 20 : 400))}`);
    const whole = contents
      .slice(-80)
      .map((c) => `${c}\n`)
      .join('');
    expect(text(lastContent(log(...contents), true, 80, 2048))).toBe(whole.slice(-2048));
    const full = log(...contents);
    const tail = full.subarray(Math.max(0, full.length - 16_384));
    expect(text(lastContent(tail, tail.length === full.length, 80, 2048))).toBe(whole.slice(-2048));
  }
});

test('one line longer than the tail gives its end', () => {
  const tail = log('y'.repeat(100_000)).subarray(-65_536);
  expect(text(lastContent(tail, false, 80, 2048))).toBe(`${'y'.repeat(2047)}\n`);
});
