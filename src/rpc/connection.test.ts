import { socketTarget } from './connection.ts';
import { codeName } from './error.ts';

test.each([
  ['unix:///run/a.sock', 'unix:/run/a.sock'],
  ['unix:/run/a.sock', 'unix:/run/a.sock'],
  ['/run/a.sock', 'unix:/run/a.sock'],
])('endpoint %s', (endpoint, target) => expect(socketTarget(endpoint, 'runtime')).toBe(target));

test.each(['', 'tcp://127.0.0.1:1', 'run/a.sock', 'unix://relative'])('endpoint "%s" is refused', (endpoint) => {
  expect(() => socketTarget(endpoint, 'runtime')).toThrow(`runtime endpoint "${endpoint}" is no unix socket`);
});

test('code names are as Go prints them', () => {
  expect([5, 4, 1, 99].map(codeName)).toEqual(['NotFound', 'DeadlineExceeded', 'Canceled', 'Code(99)']);
});
