import { parseModestJson } from './modestJson.ts';

test('JSON is read up to a number of parts', () => {
  expect(parseModestJson('{"a":[1,2],"b":","}', 5)).toEqual({ a: [1, 2], b: ',' });
});

test.each([
  ['brackets', '['.repeat(500_000)],
  ['braces', '{"a":'.repeat(200_000)],
  ['values', `[${'1,'.repeat(500_000)}1]`],
])('a MiB of %s is refused unread', (_what, text) => {
  const parse = jest.spyOn(JSON, 'parse');
  expect(() => parseModestJson(text, 10_000)).toThrow('it has more than 10000 parts');
  expect(parse).not.toHaveBeenCalled();
  parse.mockRestore();
});

test('the error about text that is no JSON does not show the text', () => {
  expect(() => parseModestJson('{"password":"hunter2"', 10)).toThrow(/^it is not valid JSON$/);
});
