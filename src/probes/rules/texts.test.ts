import { threadCpuMs } from '../../lib/fake/cpuTime.ts';
import type { Container } from '../../types/k8s.ts';
import { expandCommand } from './command.ts';
import type { Runs } from './health.ts';
import { probeState, sameState } from './health.ts';
import { healthRequest, healthStatus } from './healthMessage.ts';
import { invalidHandler } from './hookText.ts';
import { requestHeaders } from './httpHeaders.ts';
import { networkText } from './netText.ts';
import { hostPort, resolvePort } from './port.ts';
import { redirect } from './redirect.ts';
import { eventOf, metricOf } from './report.ts';
import type { ProbeRun } from './run.ts';
import { actionUrl } from './url.ts';

const container: Container = { name: 'web', ports: [{ name: 'http', containerPort: 8080 }] };

test.each([
  [8080, { port: 8080 }],
  ['http', { port: 8080 }],
  ['81', { port: 81 }],
  [0, { problem: 'invalid port number: 0' }],
  ['70000', { problem: 'invalid port number: 70000' }],
  ['nope', { problem: 'strconv.Atoi: parsing "nope": invalid syntax' }],
])('port %s', (value, expected) => {
  expect(resolvePort(value, container)).toEqual(expected);
});

test('an IPv6 host is put in brackets', () => {
  expect([hostPort('10.0.0.1', 80), hostPort('fd00::1', 80)]).toEqual(['10.0.0.1:80', '[fd00::1]:80']);
});

test.each([
  ['', '/', 'http://h:93'],
  ['/path', '/path', 'http://h:93/path'],
  ['path', '/path', 'http://h:93/path'],
  ['?foo', '/?foo', 'http://h:93?foo'],
  ['/path?bar=1&x=%41', '/path?bar=1&x=%41', 'http://h:93/path?bar=1&x=%41'],
  ['/a b', '/a%20b', 'http://h:93/a%20b'],
  ['/a%20b', '/a%20b', 'http://h:93/a%20b'],
  ['/ü?ü', '/%C3%BC?%C3%BC', 'http://h:93/%C3%BC?%C3%BC'],
  ['/%zz?x', '/%25zz%3Fx', 'http://h:93/%25zz%3Fx'],
  ['/x\r\nEvil: 1', '/x%0D%0AEvil:%201', 'http://h:93/x%0D%0AEvil:%201'],
  ['http://other:1/p', '/p', 'http://h:93/p'],
  ['//other/p', '/p', 'http://h:93/p'],
  ['/p#frag', '/p', 'http://h:93/p#frag'],
])('path %j is sent as %s', (path, target, text) => {
  expect(actionUrl('http', 'h', 93, path)).toMatchObject({ target, text, authority: 'h:93' });
});

describe('headers', () => {
  const list = (...given: [string, string][]) =>
    requestHeaders(
      given.map(([name, value]) => ({ name, value })),
      'kube-probe/1.36',
    ).list;
  const AGENT = ['User-Agent', 'kube-probe/1.36'];
  const ANY = ['Accept', '*/*'];
  test.each<[string, [string, string][], string[][]]>([
    ['defaults', [], [AGENT, ANY]],
    ['agent replaced', [['user-agent', 'foo/1.0']], [['User-Agent', 'foo/1.0'], ANY]],
    ['agent removed', [['User-Agent', '']], [ANY]],
    ['accept replaced', [['Accept', 'text/html']], [AGENT, ['Accept', 'text/html']]],
    ['accept removed', [['accept', '']], [AGENT]],
    ['other empty ones are sent', [['X-Empty', '']], [AGENT, ANY, ['X-Empty', '']]],
    [
      'repeated',
      [
        ['x-a', '1'],
        ['X-A', '2'],
      ],
      [AGENT, ANY, ['X-A', '1'], ['X-A', '2']],
    ],
    [
      'framing is ours',
      [
        ['content-length', '7'],
        ['Transfer-Encoding', 'chunked'],
      ],
      [AGENT, ANY],
    ],
  ])('%s', (_name, given, expected) => {
    expect(list(...given)).toEqual(expected);
  });
  test('Host goes its own way', () => {
    const headers = requestHeaders([{ name: 'HOST', value: 'a.example' }], 'x');
    expect(headers).toEqual({ host: 'a.example', list: [['User-Agent', 'x'], ANY] });
  });
});

describe('redirects', () => {
  const url = actionUrl('http', '10.0.0.1', 8080, '/');
  test.each<[string, number, string | undefined, number, object]>([
    ['none', 200, undefined, 1, { stop: true }],
    ['304', 304, '/x', 1, { stop: true }],
    ['without Location', 302, undefined, 1, { stop: true }],
    ['other host', 302, 'http://0.0.0.0/', 1, { stop: true }],
    [
      'same host',
      301,
      '/x?y',
      1,
      { to: expect.objectContaining({ text: 'http://10.0.0.1:8080/x?y' }), keepHost: true },
    ],
    ['other port', 307, 'http://10.0.0.1/x', 1, { to: expect.objectContaining({ port: 80 }), keepHost: false }],
    [
      'to https',
      308,
      'https://10.0.0.1/',
      1,
      { to: expect.objectContaining({ scheme: 'https', port: 443 }), keepHost: false },
    ],
    ['the tenth', 302, '/x', 10, { problem: 'stopped after 10 redirects', url: 'http://10.0.0.1:8080/x' }],
    ['odd scheme', 302, 'ftp://10.0.0.1/', 1, { problem: 'unsupported protocol scheme "ftp"', url: 'ftp://10.0.0.1/' }],
    ['no URL', 302, 'http://[', 1, { problem: expect.stringContaining('failed to parse Location'), url: url.text }],
  ])('%s', (_name, status, location, hops, expected) => {
    expect(redirect(url, url, status, location, hops)).toEqual(expected);
  });
});

test.each([
  ['$(A)', 'a'],
  ['x$(A)$(B)y', 'xay'],
  ['$(C)', '$(C)'],
  ['$$(A)', '$(A)'],
  ['$A $(A', '$A $(A'],
  ['$$', '$'],
  ['$(constructor)', '$(constructor)'],
])('command word %s becomes %s', (word, expected) => {
  const env = [{ name: 'A', value: 'a' }, { name: 'B' }];
  expect(expandCommand([word], env)).toEqual([expected]);
});

test('a hostile command is expanded in no time', () => {
  const begun = threadCpuMs();
  expandCommand(['$('.repeat(500_000)], []);
  expect(threadCpuMs() - begun).toBeLessThan(5_000);
});

describe('health messages', () => {
  const frame = (...body: number[]) => Buffer.from([0, 0, 0, 0, body.length, ...body]);
  test('requests', () => {
    expect(healthRequest('')).toEqual(frame());
    expect(healthRequest('ab')).toEqual(frame(0x0a, 2, 97, 98));
    expect(healthRequest('x'.repeat(200)).subarray(5, 8)).toEqual(Buffer.from([0x0a, 0xc8, 0x01]));
  });
  test.each<[string, Buffer, string | undefined]>([
    ['empty is the default', frame(), 'UNKNOWN'],
    ['serving', frame(8, 1), 'SERVING'],
    ['not serving', frame(8, 2), 'NOT_SERVING'],
    ['unheard of', frame(8, 0x80, 1), '128'],
    ['cut', frame(8, 1).subarray(0, 6), undefined],
    ['no frame', Buffer.from([0]), undefined],
    ['compressed', Buffer.from([1, 0, 0, 0, 0]), undefined],
    ['another message', frame(0x12, 0), undefined],
    ['endless number', frame(8, 0xff, 0xff, 0xff, 0xff, 0xff, 1), undefined],
  ])('%s', (_name, bytes, expected) => {
    expect(healthStatus(bytes)).toBe(expected);
  });
});

test.each([
  [{ code: 'ECONNREFUSED' }, undefined, 'dial tcp 10.0.0.1:80: connect: connection refused'],
  [{ code: 'ENOTFOUND' }, undefined, 'dial tcp: lookup h: no such host'],
  [
    { code: 'ECONNRESET', syscall: 'read' },
    '10.0.0.2:5',
    'read tcp 10.0.0.2:5->10.0.0.1:80: read: connection reset by peer',
  ],
  [{ code: 'EPIPE', syscall: 'write' }, '10.0.0.2:5', 'write tcp 10.0.0.2:5->10.0.0.1:80: write: broken pipe'],
  [{ code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, '10.0.0.2:5', 'http: server gave HTTP response to HTTPS client'],
])('network error %j', (fields, local, expected) => {
  expect(networkText(Object.assign(new Error('raw'), fields), { host: 'h', remote: '10.0.0.1:80', local })).toBe(
    expected,
  );
});

describe('state of a container', () => {
  const run = (value: ProbeRun['value'], message?: string) => ({ value, message }) as ProbeRun;
  test.each<[string, Runs, object]>([
    ['liveness only', { liveness: run('success') }, { started: true, ready: true }],
    ['starting', { startup: run('unknown', 'm'), readiness: run('unknown') }, { message: 'm' }],
    [
      'started, not ready',
      { startup: run('success'), readiness: run('failure', 'r') },
      { started: true, ready: false, message: 'r' },
    ],
    ['ready', { startup: run('success'), readiness: run('success') }, { started: true, ready: true }],
    ['ready is nothing before started', { startup: run('unknown'), readiness: run('success') }, {}],
    ['no verdict on readiness yet', { readiness: run('unknown') }, { started: true }],
    [
      'liveness gone',
      { liveness: run('failure', 'l') },
      { started: true, ready: true, failed: 'liveness', message: 'l' },
    ],
    [
      'startup gone',
      { startup: run('failure', 's') },
      { started: false, ready: false, failed: 'startup', message: 's' },
    ],
  ])('%s', (_name, runs, expected) => {
    expect(probeState('c1', runs)).toEqual({ containerId: 'c1', ...expected });
  });

  test('numbers in a message are no news, words are', () => {
    const state = (message?: string) => ({
      containerId: 'c',
      started: true,
      ready: false,
      ...(message && { message }),
    });
    expect(sameState(state('port 1'), state('port 2'))).toBe(true);
    expect(sameState(state('refused'), state('reset'))).toBe(false);
    expect(sameState(state(), undefined)).toBe(false);
  });
});

test('events and metrics of attempts', () => {
  const pod = { metadata: { name: 'p', namespace: 'ns', uid: 'u' } };
  expect(eventOf('readiness', { result: 'success', output: 'x' })).toBeUndefined();
  expect(eventOf('readiness', { result: 'failure', output: 'x' })?.message).toBe('Readiness probe failed: x');
  expect(eventOf('startup', { result: 'unknown', error: 'e' })?.message).toBe(
    'Startup probe errored and resulted in unknown state: e',
  );
  expect(eventOf('liveness', { result: 'warning', output: 'w' })).toEqual({
    type: 'Warning',
    reason: 'ProbeWarning',
    message: 'Liveness probe warning: w',
  });
  const labels = { probe_type: 'Liveness', container: 'c', pod: 'p', namespace: 'ns', pod_uid: 'u' };
  expect(metricOf(pod, 'c', 'liveness', { result: 'warning', output: '' }, 0.5)).toEqual({
    labels: { ...labels, result: 'successful' },
    seconds: 0.5,
  });
  expect(metricOf(pod, 'c', 'liveness', { result: 'failure', output: '' }, 0.5)).toEqual({
    labels: { ...labels, result: 'failed' },
  });
  expect(metricOf(pod, 'c', 'liveness', { result: 'failure', error: '' }, 0.5)).toBeUndefined();
});

test('a tcpSocket hook is refused in kubelet’s words', () => {
  expect(invalidHandler({ tcpSocket: { port: 80 } })).toBe(
    'invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,TCPSocket:&TCPSocketAction{Port:{0 80 },Host:,},Sleep:nil,}',
  );
  expect(invalidHandler({ tcpSocket: { port: 'web', host: 'h' } })).toContain('Port:{1 0 web},Host:h,');
});
