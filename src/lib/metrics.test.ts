import { atMost } from './metrics.ts';

test('the first names are known for good, later ones never', () => {
  const known = atMost(2);
  expect(['a', 'b', 'c', 'a', 'b', 'c'].map(known)).toEqual([true, true, false, true, true, false]);
});
