import { socketTarget } from './socketTarget.ts';

test.each([
  ['unix:///run/a.sock', 'unix:/run/a.sock'],
  ['unix:/run/a.sock', 'unix:/run/a.sock'],
  ['/run/a.sock', 'unix:/run/a.sock'],
])('endpoint %s', (endpoint, target) => expect(socketTarget(endpoint, 'runtime')).toBe(target));

test.each(['', 'tcp://127.0.0.1:1', 'run/a.sock', 'unix://relative'])('endpoint "%s" is refused', (endpoint) => {
  expect(() => socketTarget(endpoint, 'runtime')).toThrow(`runtime endpoint "${endpoint}" is no unix socket`);
});

test('a path that no unix socket can have is refused, and not cut to another one', () => {
  const longest = `/${'é'.repeat(53)}`; // two bytes each
  expect(socketTarget(longest, 'CSI driver')).toBe(`unix:${longest}`);
  expect(() => socketTarget(`unix://${longest}x`, 'CSI driver')).toThrow(
    `the path of the CSI driver endpoint "unix://${longest}x" must not be longer than 107 bytes, the most that a unix socket's path can have (it has 108)`,
  );
  expect(() => socketTarget('/run/a\0b', 'CSI driver')).toThrow('must not contain a NUL byte');
});
