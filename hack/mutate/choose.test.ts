import { keyOf, type Mutation, rangeOf, sampleOf } from './choose.ts';
import { MODULES, sourcesOf } from './modules.ts';

const at = (line: number): Mutation => ({
  ...{ file: 'src/a.ts', mutator: 'BooleanLiteral', replacement: 'true' },
  location: { start: { line, column: 2 }, end: { line, column: 7 } },
});

test('a sample is as large as asked for, has each once, and is the same for the same seed', () => {
  const all = Array.from({ length: 50 }, (_, i) => i);
  const [one, again, other] = [sampleOf(all, 20, 1), sampleOf(all, 20, 1), sampleOf(all, 20, 2)];
  expect([one.length, new Set(one).size]).toEqual([20, 20]);
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
  expect(sampleOf(all, 60, 1).toSorted((a, b) => a - b)).toEqual(all);
});

test('a mutation is named by its place, and told apart by what it puts there', () => {
  expect(rangeOf(at(3))).toBe('src/a.ts:3:2-3:7');
  expect(keyOf(at(3))).toBe(keyOf({ ...at(3) }));
  expect(new Set([at(3), at(4), { ...at(3), replacement: 'false' }].map(keyOf)).size).toBe(3);
});

test.each(Object.entries(MODULES))('%s has sources, none of them a test, a fake or generated', (_name, module) => {
  const sources = sourcesOf(module);
  expect(sources.length).toBeGreaterThan(2);
  expect(sources.filter((path) => /test|fake|generated/.test(path.slice('src/'.length)))).toEqual([]);
});
