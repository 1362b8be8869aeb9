import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, realClock } from '../../lib/clock.ts';
import { ManualClock } from '../../lib/fake/manualClock.ts';
import { until } from '../../lib/fake/until.ts';
import { createLogger } from '../../lib/logger.ts';
import type { ProviderConfig } from '../rules/providerConfig.ts';
import type { PullingPod } from '../types.ts';
import type { ServiceAccounts } from './provider.ts';
import { credentialProviders } from './providers.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'providers-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const version = 'credentialprovider.kubelet.k8s.io/v1';
const config: ProviderConfig = {
  name: 'helper',
  apiVersion: version,
  matchImages: ['reg.io', '*.reg.io:5000/team'],
  defaultCacheMs: 0,
  args: [],
  env: [],
};
const pod: PullingPod = { namespace: 'ns', name: 'web', uid: 'uid-web', serviceAccount: 'robot' };

/** A program that keeps its requests in `requests` and answers with what follows. */
async function script(name: string, body: string): Promise<void> {
  const path = join(dir, name);
  await writeFile(path, `#!/bin/sh\ncat >> ${dir}/requests; echo "$1 $EXTRA" >> ${dir}/calls\n${body}\n`);
  await chmod(path, 0o755);
}

const answer = (more: object) => JSON.stringify({ apiVersion: version, kind: 'CredentialProviderResponse', ...more });
const print = (more: object) => `echo '${answer(more)}'`;
const auth = (user = 'u') => ({ auth: { 'reg.io': { username: user, password: 'secret-word' } } });

interface Setup {
  readonly configs?: readonly ProviderConfig[];
  readonly clock?: Clock;
  readonly accounts?: ServiceAccounts;
}

const nobody: ServiceAccounts = { get: async () => ({ uid: 'u', annotations: {} }), token: async () => 'token' };

function setUp({ configs = [config], clock = realClock, accounts = nobody }: Setup = {}) {
  const lines: string[] = [];
  const runs: [string, boolean][] = [];
  const log = createLogger({ write: (line) => lines.push(line) });
  const onRun = (provider: string, _seconds: number, failed: boolean) => runs.push([provider, failed]);
  const ask = credentialProviders({ configs, binDir: dir, accounts, clock, log, onRun });
  return { ask, lines, runs };
}

const calls = () =>
  readFile(join(dir, 'calls'), 'utf8').then(
    (text) => text.split('\n').slice(0, -1),
    () => [] as string[],
  );

test('a provider gets the request on its input, with arguments and environment, and its answer is the login', async () => {
  await script('helper', print({ cacheKeyType: 'Registry', ...auth() }));
  const { ask, runs } = setUp({ configs: [{ ...config, args: ['get'], env: [{ name: 'EXTRA', value: 'more' }] }] });
  await using _ = ask;
  const waits: (string | undefined)[] = [];
  expect(await ask('reg.io/team/app', { onWait: (name) => waits.push(name) })).toEqual([
    { username: 'u', password: 'secret-word' },
  ]);
  expect(await readFile(join(dir, 'requests'), 'utf8')).toBe(
    `{"kind":"CredentialProviderRequest","apiVersion":"${version}","image":"reg.io/team/app"}\n`,
  );
  expect(await calls()).toEqual(['get more']);
  expect(waits).toEqual(['helper', undefined]);
  expect(runs).toEqual([['helper', false]]);
});

test('images that do not match are nobody’s business', async () => {
  await script('helper', print({ cacheKeyType: 'Registry', ...auth() }));
  const { ask } = setUp();
  await using _ = ask;
  for (const image of ['other.io/app', 'eu.reg.io/team/app', 'eu.reg.io:5000/other', 'a.b.reg.io:5000/team/app']) {
    expect(await ask(image)).toEqual([]);
  }
  expect(await calls()).toEqual([]);
  await ask('eu.reg.io:5000/team/app');
  expect(await calls()).toHaveLength(1);
});

test.each([
  ['Image', ['reg.io/a', 'reg.io/a', 'reg.io/b'], 2],
  ['Registry', ['reg.io/a', 'reg.io/b', 'eu.reg.io:5000/team'], 2],
  ['Global', ['reg.io/a', 'reg.io/b', 'eu.reg.io:5000/team'], 1],
])('an answer for %s is kept as long as it says', async (cacheKeyType, images, expected) => {
  await script('helper', print({ cacheKeyType, cacheDuration: '10m', ...auth() }));
  const clock = new ManualClock();
  const { ask } = setUp({ clock });
  await using _ = ask;
  for (const image of images) await ask(image);
  expect(await calls()).toHaveLength(expected);
  clock.advance(600_001);
  await ask(images[0]!);
  expect(await calls()).toHaveLength(expected + 1);
});

test.each([
  ['the configured time counts where the answer has none', 60_000, {}, 1],
  ['none at all', 0, {}, 2],
  ['0s keeps nothing whatever is configured', 60_000, { cacheDuration: '0s' }, 2],
])('how long: %s', async (_name, defaultCacheMs, more, expected) => {
  await script('helper', print({ cacheKeyType: 'Image', ...auth(), ...more }));
  const { ask } = setUp({ configs: [{ ...config, defaultCacheMs }], clock: new ManualClock() });
  await using _ = ask;
  for (let i = 0; i < 2; i++) await ask('reg.io/a');
  expect(await calls()).toHaveLength(expected);
});

test('who asks for the same at the same time shares one run', async () => {
  await script('helper', print({ cacheKeyType: 'Image', ...auth() }));
  const { ask } = setUp();
  await using _ = ask;
  await Promise.all([ask('reg.io/a'), ask('reg.io/a'), ask('reg.io/b')]);
  expect(await calls()).toHaveLength(2);
});

test.each([
  ['exits with an error', 'echo sorry >&2; exit 3', 'exit status 3: sorry'],
  ['is killed', 'kill -9 $$', 'signal: SIGKILL'],
  ['prints nothing', 'true', 'error reading GVK from response'],
  ['prints no JSON', 'echo "hunter2 secret-word"', 'error reading GVK from response'],
  [
    'answers in another version',
    `echo '{"apiVersion":"x/v9","kind":"CredentialProviderResponse"}'`,
    'actual apiVersion:x/v9',
  ],
  ['has a field that nobody knows', print({ cacheKeyType: 'Image', secret: 'hunter2' }), 'error decoding credential'],
  ['has no cache key', print({ ...auth() }), 'did not return a valid cacheKeyType: '],
  ['prints brackets', "head -c 200000 /dev/zero | tr '\\0' '['", 'it has more than 10000 parts'],
  ['prints without end', 'cat /dev/zero', 'it printed more than 262144 bytes'],
  ['complains without end', 'head -c 9000000 /dev/zero >&2; exit 1', 'exit status 1'],
])('a provider that %s gives nothing, which is logged without a secret', async (_name, body, expected) => {
  await script('helper', body);
  const { ask, lines, runs } = setUp();
  await using _ = ask;
  expect(await ask('reg.io/app')).toEqual([]);
  expect(lines.join()).toContain('Failed to provide credentials for image');
  expect(lines.join()).toContain('failed to get credential from external registry credential provider: ');
  expect(lines.join()).toContain(expected);
  expect(lines.join()).not.toMatch(/hunter2|secret-word/);
  expect(lines.join().length).toBeLessThan(20_000);
  expect(runs).toHaveLength(1);
});

test('a provider that hangs is ended after a minute with what it started; other providers are not held up', async () => {
  await script('helper', `echo $$ > ${dir}/pid; sleep 1000`);
  await script('quick', print({ cacheKeyType: 'Image', ...auth() }));
  const clock = new ManualClock();
  const { ask, lines, runs } = setUp({
    clock,
    configs: [
      { ...config, matchImages: ['slow.io'] },
      { ...config, name: 'quick' },
    ],
  });
  await using _ = ask;
  const hanging = ask('slow.io/app');
  const pid = () => readFile(join(dir, 'pid'), 'utf8').then(Number, () => 0);
  await until(async () => (await pid()) > 0);
  expect(await ask('reg.io/app')).toHaveLength(1);
  clock.advance(59_999);
  expect(runs.filter(([name]) => name === 'helper')).toEqual([]);
  clock.advance(1);
  expect(await hanging).toEqual([]);
  expect(lines.join()).toContain(
    'error execing credential provider plugin helper for image slow.io/app: context deadline exceeded',
  );
  const group = await pid();
  await until(() => !isAlive(-group));
});

test('a Pod that goes does not wait for a provider, and the end of the agent ends it', async () => {
  await script('helper', `echo $$ > ${dir}/pid; sleep 1000`);
  const { ask } = setUp();
  const gone = new AbortController();
  const hanging = ask('reg.io/app', { signal: gone.signal });
  const pid = () => readFile(join(dir, 'pid'), 'utf8').then(Number, () => 0);
  await until(async () => (await pid()) > 0);
  gone.abort(new Error('the Pod is gone'));
  await expect(hanging).rejects.toThrow('the Pod is gone');
  const group = await pid();
  expect(isAlive(-group)).toBe(true);
  await ask[Symbol.asyncDispose]();
  await until(() => !isAlive(-group));
});

test('something left behind that holds the output open holds nobody up', async () => {
  await script('helper', `sleep 1000 & echo $! > ${dir}/pid; ${print({ cacheKeyType: 'Image', ...auth() })}`);
  const { ask } = setUp();
  await using _ = ask;
  expect(await ask('reg.io/app')).toHaveLength(1);
  process.kill(Number(await readFile(join(dir, 'pid'), 'utf8')));
});

test('what the earlier provider gave is tried first, the more specific location before it', async () => {
  await script('one', print({ cacheKeyType: 'Image', auth: { 'reg.io': { username: 'one', password: 'x' } } }));
  await script(
    'two',
    print({
      cacheKeyType: 'Image',
      auth: { 'reg.io': { username: 'two', password: 'x' }, 'reg.io/team': { username: 'narrow', password: 'x' } },
    }),
  );
  const { ask } = setUp({ configs: ['one', 'two'].map((name) => ({ ...config, name })) });
  await using _ = ask;
  expect((await ask('reg.io/team/app')).map(({ username }) => username)).toEqual(['narrow', 'one', 'two']);
});

describe('tokens of service accounts', () => {
  const token = {
    audience: 'reg',
    cacheType: 'ServiceAccount' as 'ServiceAccount' | 'Token',
    requireServiceAccount: true,
    requiredAnnotations: ['team'],
    optionalAnnotations: ['more'],
  };
  const accountsOf = (annotations: Record<string, string>, tokens = ['token-1']): ServiceAccounts => ({
    get: async () => ({ uid: 'uid-robot', annotations }),
    token: async () => (tokens.length > 1 ? tokens.shift()! : tokens[0]!),
  });
  const withToken = (more: Partial<typeof token> = {}) => [{ ...config, token: { ...token, ...more } }];

  test('the provider speaks for the service account, with its annotations, and what it gives is the account’s', async () => {
    await script('helper', print({ cacheKeyType: 'Registry', ...auth() }));
    const { ask } = setUp({ configs: withToken(), accounts: accountsOf({ team: 'blue', other: 'no' }) });
    await using _ = ask;
    expect(await ask('reg.io/app', { pod })).toEqual([
      {
        username: 'u',
        password: 'secret-word',
        source: { serviceAccount: { uid: 'uid-robot', namespace: 'ns', name: 'robot' } },
      },
    ]);
    expect(JSON.parse(await readFile(join(dir, 'requests'), 'utf8'))).toMatchObject({
      serviceAccountToken: 'token-1',
      serviceAccountAnnotations: { team: 'blue' },
    });
  });

  test.each([
    ['an annotation is missing', {}, pod, 0],
    ['the Pod has no service account', { team: 'blue' }, { ...pod, serviceAccount: '' }, 0],
  ])('%s: it is not asked', async (_name, annotations, who, expected) => {
    await script('helper', print({ cacheKeyType: 'Registry', ...auth() }));
    const { ask } = setUp({ configs: withToken(), accounts: accountsOf(annotations) });
    await using _ = ask;
    expect(await ask('reg.io/app', { pod: who })).toEqual([]);
    expect(await calls()).toHaveLength(expected);
  });

  test('without a service account it is asked without a token where that is allowed', async () => {
    await script('helper', print({ cacheKeyType: 'Registry', ...auth() }));
    const { ask } = setUp({ configs: withToken({ requireServiceAccount: false, requiredAnnotations: [] }) });
    await using _ = ask;
    expect(await ask('reg.io/app', { pod: { ...pod, serviceAccount: '' } })).toEqual([
      { username: 'u', password: 'secret-word' },
    ]);
    expect(await readFile(join(dir, 'requests'), 'utf8')).not.toContain('serviceAccountToken');
  });

  test.each([
    ['ServiceAccount' as const, 1],
    ['Token' as const, 2],
  ])('answers are kept for each %s', async (cacheType, expected) => {
    await script('helper', print({ cacheKeyType: 'Registry', cacheDuration: '1h', ...auth() }));
    const accounts = accountsOf({ team: 'blue' }, ['token-1', 'token-2']);
    const { ask } = setUp({ configs: withToken({ cacheType }), accounts });
    await using _ = ask;
    for (let i = 0; i < 2; i++) await ask('reg.io/app', { pod });
    expect(await calls()).toHaveLength(expected);
    await ask('reg.io/app', { pod: { ...pod, namespace: 'other' } });
    expect(await calls()).toHaveLength(expected + 1);
  });

  test('a token that comes back as the password is refused unless answers are kept for each token', async () => {
    await script(
      'helper',
      print({ cacheKeyType: 'Image', auth: { 'reg.io': { username: 'u', password: 'token-1' } } }),
    );
    const accounts = accountsOf({ team: 'blue' });
    const one = setUp({ configs: withToken(), accounts });
    const other = setUp({ configs: withToken({ cacheType: 'Token' }), accounts });
    await using _ = one.ask;
    await using __ = other.ask;
    expect(await one.ask('reg.io/app', { pod })).toEqual([]);
    expect(one.lines.join()).toContain('returned the service account token as the password');
    expect(one.lines.join()).not.toContain('token-1');
    expect(await other.ask('reg.io/app', { pod })).toHaveLength(1);
  });

  test('a service account that cannot be read gives nothing, and is logged', async () => {
    const accounts = { ...nobody, get: async () => Promise.reject(new Error('serviceaccounts "robot" not found')) };
    const { ask, lines } = setUp({ configs: withToken(), accounts });
    await using _ = ask;
    expect(await ask('reg.io/app', { pod })).toEqual([]);
    expect(lines.join()).toContain('failed to get service account: serviceaccounts');
  });
});

function isAlive(group: number): boolean {
  try {
    process.kill(group, 0);
    return true;
  } catch {
    return false;
  }
}
