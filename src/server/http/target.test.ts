import { requestTarget } from './target.ts';

describe('the target of a request', () => {
  test.each([
    ['/pods', '/pods'],
    ['/containerLogs/ns/pod/c?follow=true', '/containerLogs/ns/pod/c'],
    ['/logs/a%20b', '/logs/a b'],
    ['/logs/', '/logs/'],
    ['http://node:10250/healthz', '/healthz'],
    ['/logs/..x', '/logs/..x'],
  ])('%s has the path %s', (url, path) => {
    expect(requestTarget(url)?.path).toBe(path);
  });

  test.each([
    '/logs/../etc/passwd',
    '/logs/..',
    '/logs/%2e%2e/etc',
    '/logs/..%2fetc',
    '/logs%2f..%2f..%2fetc',
    '/logs//etc',
    '/logs/./a',
    '/logs/a%00b',
    '/logs/%zz',
    '/pods?x=%zz',
    '//host/pods',
    'pods',
    '*',
  ])('%s is refused', (url) => {
    expect(requestTarget(url)).toBeUndefined();
  });

  test('the query is decoded', () => {
    const query = requestTarget('/exec/n/p/c?command=sh&command=-c&command=echo+%22a+b%22')?.query;
    expect(query?.getAll('command')).toEqual(['sh', '-c', 'echo "a b"']);
  });
});
