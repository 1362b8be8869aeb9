import { codeName } from './error.ts';

test('code names are as Go prints them', () => {
  expect([5, 4, 1, 99].map(codeName)).toEqual(['NotFound', 'DeadlineExceeded', 'Canceled', 'Code(99)']);
});
