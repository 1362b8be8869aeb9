import { threadCpuMs } from '../../lib/fake/cpuTime.ts';
import type { Secret } from '../../types/k8s.ts';
import { keyringOf, keyringOfConfigJson, lookupAuth } from './credentials.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

function secretOf(auths: Record<string, unknown>, name = 'pull'): Secret {
  return {
    metadata: { namespace: 'ns', name },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) },
  };
}

function usersFor(auths: Record<string, unknown>, repository: string): (string | undefined)[] {
  return lookupAuth(keyringOf([secretOf(auths)]).keyring, repository).map(({ username }) => username);
}

test.each<[string, Record<string, unknown>, string, string[]]>([
  ['host', { 'reg.io': { username: 'u' } }, 'reg.io/team/app', ['u']],
  ['other host', { 'reg.io': { username: 'u' } }, 'other.io/team/app', []],
  ['scheme and /v1/', { 'https://reg.io/v1/': { username: 'u' } }, 'reg.io/app', ['u']],
  ['port', { 'reg.io:5000': { username: 'u' } }, 'reg.io:5000/app', ['u']],
  ['port differs', { 'reg.io:5000': { username: 'u' } }, 'reg.io/app', []],
  ['path prefix', { 'reg.io/team': { username: 'u' } }, 'reg.io/team/app', ['u']],
  ['path differs', { 'reg.io/team': { username: 'u' } }, 'reg.io/other/app', []],
  [
    'most specific first',
    { 'reg.io': { username: 'broad' }, 'reg.io/team': { username: 'narrow' } },
    'reg.io/team/app',
    ['narrow', 'broad'],
  ],
  ['glob in a host part', { '*.reg.io': { username: 'u' } }, 'eu.reg.io/app', ['u']],
  ['glob does not span parts', { '*.io': { username: 'u' } }, 'eu.reg.io/app', []],
  ['glob with text', { 'a*c.io': { username: 'u' } }, 'abbc.io/app', ['u']],
  ["Docker Hub's old name", { 'https://index.docker.io/v1/': { username: 'u' } }, 'docker.io/library/busybox', ['u']],
  ['auth field', { 'reg.io': { auth: base64('me:secret') } }, 'reg.io/app', ['me']],
  ['auth field without padding', { 'reg.io': { auth: base64('a:b').replace(/=+$/, '') } }, 'reg.io/app', ['a']],
  ['auth field without colon', { 'reg.io': { auth: base64('nonsense') } }, 'reg.io/app', []],
  ['not an object', { 'reg.io': 7 }, 'reg.io/app', ['']],
])('%s', (_name, auths, repository, users) => {
  expect(usersFor(auths, repository)).toEqual(users);
});

test('reads both kinds of secret, in order, and names broken ones without their content', () => {
  const old: Secret = {
    metadata: { namespace: 'ns', name: 'old' },
    type: 'kubernetes.io/dockercfg',
    data: { '.dockercfg': base64(JSON.stringify({ 'reg.io': { auth: base64('old:p:w') } })) },
  };
  const broken: Secret = {
    metadata: { namespace: 'ns', name: 'broken' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64('{hunter2') },
  };
  const opaque: Secret = { metadata: { namespace: 'ns', name: 'opaque' }, type: 'Opaque', data: { password: 'eA==' } };
  const { keyring, problems } = keyringOf([
    secretOf({ 'reg.io': { username: 'new', password: 'x' } }),
    old,
    broken,
    opaque,
  ]);
  expect(lookupAuth(keyring, 'reg.io/app')).toEqual([
    { username: 'new', password: 'x', source: { secret: { uid: '', namespace: 'ns', name: 'pull' } } },
    { username: 'old', password: 'p:w', source: { secret: { uid: '', namespace: 'ns', name: 'old' } } },
  ]);
  expect(problems).toEqual(['secret ns/broken does not hold a valid docker config']);
  expect(JSON.stringify(problems)).not.toContain('hunter2');
});

test("reads the node's own config.json", () => {
  const keyring = keyringOfConfigJson(JSON.stringify({ auths: { 'reg.io': { auth: base64('node:pw') } } }));
  expect(lookupAuth(keyring, 'reg.io/app')).toEqual([{ username: 'node', password: 'pw' }]);
});

test('a hostile glob does not take long', () => {
  const started = threadCpuMs();
  expect(usersFor({ [`${'*a'.repeat(200)}b.io`]: { username: 'u' } }, `${'a'.repeat(60)}.io/app`)).toEqual([]);
  expect(threadCpuMs() - started).toBeLessThan(5_000);
});

test('a thousand entries of a Secret count; one that is made of brackets is not read', () => {
  const many = (from: number) =>
    Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`r${from + i}.io`, { username: 'u', password: 'p' }]));
  const brackets = { ...secretOf({}, 'nested'), data: { '.dockerconfigjson': base64('['.repeat(500_000)) } };
  const { keyring, problems } = keyringOf([
    secretOf({ ...many(0), ...many(600) }, 'long'),
    brackets,
    secretOf({ a: {} }),
  ]);
  expect([keyring.size, keyring.has('a')]).toEqual([1001, true]);
  expect(problems).toEqual([
    'secret ns/long has more than 1000 entries',
    'secret ns/nested does not hold a valid docker config',
  ]);
});
