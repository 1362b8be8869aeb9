import { common, formatCpuList, parseCpuList, union, without } from './cpuList.ts';

test.each([
  ['', []],
  ['3', [3]],
  ['0-3,7', [0, 1, 2, 3, 7]],
  ['7,1-2,2', [1, 2, 7]],
])('%s is %j', (text, cpus) => {
  expect(parseCpuList(text)).toEqual(cpus);
});

test.each([
  ['x', 'strconv.Atoi: parsing "x": invalid syntax'],
  ['1,', 'strconv.Atoi: parsing "": invalid syntax'],
  ['3-1', 'invalid range "3-1" (3 > 1)'],
  ['99999999999999999999', 'strconv.Atoi: parsing "99999999999999999999": value out of range'],
  ['0-4000000000', 'more than 65536 CPUs in "0-4000000000"'],
])('%s is refused: %s', (text, message) => {
  expect(() => parseCpuList(text)).toThrow(message);
});

test.each([
  [[], ''],
  [[5], '5'],
  [[3, 1, 2, 9, 8, 1], '1-3,8-9'],
])('%j is written %s', (cpus, text) => {
  expect(formatCpuList(cpus)).toBe(text);
});

test('sets', () => {
  expect(union([3, 1], [2, 3])).toEqual([1, 2, 3]);
  expect(without([1, 2, 3], [2])).toEqual([1, 3]);
  expect(common([1, 2, 3], [3, 4, 2])).toEqual([2, 3]);
});
