import { nodeAttributes } from './attributes.ts';

test.each([
  ['GET', '/pods', 'get', ['pods', 'proxy']],
  ['GET', '/pods/', 'get', ['pods', 'proxy']],
  ['GET', '/podsx', 'get', ['proxy']],
  ['GET', '/runningpods/', 'get', ['pods', 'proxy']],
  ['GET', '/healthz/ping', 'get', ['healthz', 'proxy']],
  ['GET', '/configz', 'get', ['configz', 'proxy']],
  ['POST', '/stats/summary', 'create', ['stats']],
  ['GET', '/metrics', 'get', ['metrics']],
  ['GET', '/metrics/cadvisor', 'get', ['metrics']],
  ['GET', '/metricsx', 'get', ['proxy']],
  ['GET', '/logs/a/b', 'get', ['log']],
  ['POST', '/checkpoint/n/p/c', 'create', ['checkpoint']],
  ['GET', '/statusz', 'get', ['statusz']],
  ['GET', '/flagz', 'get', ['configz']],
  ['POST', '/exec/n/p/c', 'create', ['proxy']],
  ['GET', '/containerLogs/n/p/c', 'get', ['proxy']],
  ['PUT', '/debug/flags/v', 'update', ['proxy']],
  ['PATCH', '/x', 'patch', ['proxy']],
  ['DELETE', '/x', 'delete', ['proxy']],
  ['HEAD', '/pods', '', ['pods', 'proxy']],
] as const)('%s %s asks for %s on %j', (method, path, verb, subresources) => {
  expect(nodeAttributes(method, path)).toEqual({ verb, subresources });
});
