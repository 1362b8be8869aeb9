import { silentLogger } from '../../lib/logger.ts';
import { CredentialCache } from './credentialCache.ts';
import { CredentialProvider } from './provider.ts';

const keyring = new Map();

test('long keys count as what they take', () => {
  const cache = new CredentialCache();
  for (let i = 0; i < 40; i++) cache.set(`${i} ${'x'.repeat(1024 * 1024)}`, { keyring, bytes: 0, expiresAt: 1 });
  expect(cache.size).toBeLessThan(5);
  expect(cache.get('none', 0)).toBeUndefined();
});

test('a service account with long annotations does not push out the answers of others', async () => {
  const asked: string[] = [];
  const provider = new CredentialProvider({
    config: {
      ...{ name: 'p', apiVersion: 'credentialprovider.kubelet.k8s.io/v1', matchImages: ['reg.io'], args: [], env: [] },
      defaultCacheMs: 60_000,
      token: {
        ...{ audience: 'reg', cacheType: 'ServiceAccount', requireServiceAccount: true },
        ...{ requiredAnnotations: [], optionalAnnotations: ['team'] },
      },
    },
    exec: async ({ image }) => {
      asked.push(image);
      return { cacheKeyType: 'Image', cacheMs: undefined, logins: { 'reg.io': { username: 'u', password: 'p' } } };
    },
    accounts: {
      get: async (_namespace, name) => ({
        uid: name,
        annotations: { team: name === 'long' ? 'x'.repeat(250_000) : 'a' },
      }),
      token: async () => 'token',
    },
    clock: { now: () => ({ wall: 0, mono: 0 }), setTimer: () => ({ [Symbol.dispose]: () => {} }) },
    log: silentLogger,
  });
  const ask = (image: string, serviceAccount: string) =>
    provider.provide(image, { namespace: 'n', name: 'p', uid: 'u', serviceAccount });
  await ask('reg.io/app', 'short');
  for (let i = 0; i < 50; i++) await ask(`reg.io/${i}`, 'long');
  asked.length = 0;
  expect((await ask('reg.io/app', 'short')).size).toBe(1);
  expect(asked).toEqual([]);
});
