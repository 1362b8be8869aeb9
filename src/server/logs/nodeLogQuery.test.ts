import { journalArguments, type NodeLogQuery, nodeLogProblem, parseNodeLogQuery } from './nodeLogQuery.ts';

const parse = (text: string) => parseNodeLogQuery(new URLSearchParams(text));
function query(text: string): NodeLogQuery {
  const parsed = parse(text);
  if (!('query' in parsed) || !parsed.query) throw new Error(`no query: ${JSON.stringify(parsed)}`);
  return parsed.query;
}

test.each([
  ['query=', 'query: Invalid value: [""]: may not be empty'],
  ['query=%20&query=', 'query: Invalid value: [" ",""]: may not be empty'],
  ['query=a&sinceTime=yesterday', 'sinceTime: Invalid value: "yesterday": invalid time format'],
  ['query=a&untilTime=2026-01-01', 'untilTime: Invalid value: "2026-01-01": invalid time format'],
  ['query=a&boot=x', 'boot: Invalid value: "x": strconv.Atoi: parsing "x": invalid syntax'],
  ['query=a&tailLines=1.5', 'tailLines: Invalid value: "1.5": strconv.Atoi: parsing "1.5": invalid syntax'],
  [
    'query=a&boot=x&boot=1&tailLines=y',
    '[boot: Invalid value: "x": strconv.Atoi: parsing "x": invalid syntax, tailLines: Invalid value: "y": strconv.Atoi: parsing "y": invalid syntax]',
  ],
])('%s cannot be read', (text, problem) => {
  expect(parse(text)).toEqual({ problem });
});

test.each(['', 'other=1', 'sinceTime=&boot='])('%j asks for nothing', (text) => {
  expect(parse(text)).toEqual({ query: undefined });
});

const known = async () => undefined;
test.each([
  ['boot=0', 'query: Required value: cannot be empty with options'],
  ['query=/a&query=b', 'query: Invalid value: "[/a], [b]": cannot specify a file and service'],
  ['query=/a&query=/b', 'query: Invalid value: ["/a","/b"]: cannot specify more than one file'],
  ['query=/a&tailLines=1', 'query: Invalid value: ["/a"]: cannot specify file with options'],
  ['query=a$b', 'query: Invalid value: "a$b": input contains unsupported characters'],
  ['query=a&query=b&query=c&query=d&query=e', 'query: Too many: 5: must have at most 4 items'],
  ['query=a&boot=1', 'boot: Invalid value: 1: must be less than 1'],
  ['query=a&tailLines=100001', 'tailLines: Invalid value: 100001: must be between 0 and 100000, inclusive'],
  ['query=a&tailLines=-1', 'tailLines: Invalid value: -1: must be between 0 and 100000, inclusive'],
  [
    'query=a&sinceTime=2026-01-02T00:00:00Z&untilTime=2026-01-01T00:00:00Z',
    'untilTime: Invalid value: "2026-01-01T00:00:00Z": must be after `sinceTime`',
  ],
])('%s is refused', async (text, problem) => {
  expect(await nodeLogProblem(query(text), known)).toBe(problem);
});

test('more that is refused, and what is not', async () => {
  expect(await nodeLogProblem(query(`query=${'a'.repeat(257)}`), known)).toMatch(/: length must be less than 256$/);
  expect(await nodeLogProblem(query('query=a&pattern=('), known)).toMatch(
    /^pattern: Invalid value: "\(": error parsing/,
  );
  expect(await nodeLogProblem(query('query=a&pattern=(%3Fi)err|warn'), known)).toBeUndefined();
  expect(await nodeLogProblem(query('query=d/f'), async () => 'statat d/f: no such file or directory')).toBe(
    'query: Invalid value: ["d/f"]: statat d/f: no such file or directory',
  );
});

test('the arguments of journalctl: every value is one argument, so none can become another option', () => {
  const all =
    'query=a&sinceTime=2026-01-01T02:00:00%2B01:00&untilTime=2026-01-02T00:00:00Z&tailLines=5&pattern=--x&boot=-1';
  expect(journalArguments(query(all), ['a', 'b'])).toEqual([
    '--utc',
    '--no-pager',
    '--output=short-precise',
    '--since=2026-01-01 01:00:00 UTC',
    '--until=2026-01-02 00:00:00 UTC',
    '--pager-end',
    '--lines=5',
    '--unit=a',
    '--unit=b',
    '--grep=--x',
    '--boot',
    '-1',
  ]);
});
