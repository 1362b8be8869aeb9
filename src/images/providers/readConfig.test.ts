import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProviderConfigs } from './readConfig.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'providers-'));
  await mkdir(join(dir, 'bin'));
  for (const name of ['one', 'two']) {
    await writeFile(join(dir, 'bin', name), '#!/bin/sh\n');
    await chmod(join(dir, 'bin', name), 0o755);
  }
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const file = (version: string, ...providers: string[]) =>
  `apiVersion: kubelet.config.k8s.io/${version}\nkind: CredentialProviderConfig\nproviders:\n${providers.join('\n')}\n`;
const provider = (name: string, more = '') =>
  `- {name: ${name}, apiVersion: credentialprovider.kubelet.k8s.io/v1, matchImages: ["*.reg.io:5000/team"], defaultCacheDuration: 10m${more}}`;
const token = (more = '') =>
  `, tokenAttributes: {serviceAccountTokenAudience: reg, cacheType: Token, requireServiceAccount: true${more}}`;

async function read(text: string, allowsTokens = true, name = 'config.yaml') {
  await writeFile(join(dir, name), text);
  return readProviderConfigs(join(dir, name), join(dir, 'bin'), allowsTokens);
}

test('a file of each version', async () => {
  for (const version of ['v1', 'v1beta1', 'v1alpha1']) {
    const text = file(version, provider('one', ', args: [get], env: [{name: A, value: b}]'));
    const { providers, hash } = await read(text);
    expect(providers).toEqual([
      {
        name: 'one',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        matchImages: ['*.reg.io:5000/team'],
        defaultCacheMs: 600_000,
        args: ['get'],
        env: [{ name: 'A', value: 'b' }],
      },
    ]);
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(Buffer.byteLength(text)));
    expect(hash).toBe(`sha256:${createHash('sha256').update(length).update(text).digest('hex')}`);
  }
});

test('a directory: its files in the order of their names, others left out', async () => {
  await mkdir(join(dir, 'conf'));
  const json = {
    name: 'one',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    matchImages: ['a'],
    defaultCacheDuration: '0s',
  };
  const head = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig' };
  await writeFile(join(dir, 'conf/b.json'), JSON.stringify({ ...head, providers: [json] }));
  await writeFile(join(dir, 'conf/a.yml'), file('v1', provider('two')));
  await writeFile(join(dir, 'conf/README'), 'not this');
  const { providers } = await readProviderConfigs(join(dir, 'conf'), join(dir, 'bin'), true);
  expect(providers.map(({ name }) => name)).toEqual(['two', 'one']);
  await writeFile(join(dir, 'conf/c.yaml'), file('v1', provider('two')));
  await expect(readProviderConfigs(join(dir, 'conf'), join(dir, 'bin'), true)).rejects.toThrow(
    'duplicate provider name "two" found in configuration file(s)',
  );
});

test('tokens of service accounts', async () => {
  const keys = ', requiredServiceAccountAnnotationKeys: [a.io/b], optionalServiceAccountAnnotationKeys: [c]';
  const { providers } = await read(file('v1', provider('one', token(keys))));
  expect(providers[0]?.token).toEqual({
    audience: 'reg',
    cacheType: 'Token',
    requireServiceAccount: true,
    requiredAnnotations: ['a.io/b'],
    optionalAnnotations: ['c'],
  });
});

test.each<[string, string, boolean?]>([
  [file('v1'), 'providers: Required value: at least 1 item in plugins is required'],
  [file('v1', provider('a/b')), `providers.name: Invalid value: "a/b": provider name cannot contain '/'`],
  [file('v1', provider('".."')), `provider name cannot be '..'`],
  [file('v1', provider('none')), 'none did not exist'],
  [
    file('v2', provider('one')),
    'no kind "CredentialProviderConfig" is registered for version "kubelet.config.k8s.io/v2"',
  ],
  ['apiVersion: kubelet.config.k8s.io/v1\nkind: Other', 'failed to decode "Other" (wrong Kind)'],
  [file('v1', provider('one', ', more: 1')), 'strict decoding error: unknown field "providers[0].more"'],
  [file('v1beta1', provider('one', token())), 'unknown field "providers[0].tokenAttributes"'],
  [file('v1', provider('one', token())), 'feature gate is disabled', false],
  [
    file('v1', provider('one', token().replace('Token,', 'Pod,'))),
    'Unsupported value: "Pod": supported values: "ServiceAccount", "Token"',
  ],
  [
    file('v1', provider('one', token().replace('true', 'false') + '')).replace(
      'false}',
      'false, requiredServiceAccountAnnotationKeys: [a]}',
    ),
    'requireServiceAccount cannot be false',
  ],
  [file('v1', provider('one', token(', requiredServiceAccountAnnotationKeys: [a, a]'))), 'Duplicate value: "a"'],
  [
    file(
      'v1',
      provider('one', token(', requiredServiceAccountAnnotationKeys: [a], optionalServiceAccountAnnotationKeys: [a]')),
    ),
    'annotation keys cannot be both required and optional',
  ],
  [file('v1', provider('one').replace('10m', '-1s')), 'must be greater than or equal to 0'],
  [
    file('v1', provider('one').replace(', defaultCacheDuration: 10m', '')),
    'providers.defaultCacheDuration: Required value',
  ],
  [file('v1', provider('one').replace('["*.reg.io:5000/team"]', '[]')), 'at least 1 item in matchImages is required'],
  [file('v1', provider('one').replace('*.reg.io:5000', 'reg.io:port')), 'match image is invalid'],
  [
    file('v1', provider('one').replace('io/v1,', 'io/v7,')),
    'Unsupported value: "credentialprovider.kubelet.k8s.io/v7"',
  ],
  ['{', 'error decoding config'],
])('%s is refused: %s', async (text, sentence, allowsTokens = true) => {
  const started = read(text, allowsTokens);
  await expect(started).rejects.toThrow(
    'The credential providers of --image-credential-provider-config cannot be used: ',
  );
  await expect(started).rejects.toThrow(sentence);
});

test('what is not there is refused', async () => {
  await expect(readProviderConfigs('', join(dir, 'bin'), true)).rejects.toThrow(
    'credential provider config path is empty',
  );
  await expect(readProviderConfigs(join(dir, 'x'), join(dir, 'bin'), true)).rejects.toThrow('unable to access path');
  await expect(readProviderConfigs(join(dir, 'x'), join(dir, 'y'), true)).rejects.toThrow(
    `plugin binary directory ${dir}/y did not exist`,
  );
  await mkdir(join(dir, 'empty'));
  await expect(readProviderConfigs(join(dir, 'empty'), join(dir, 'bin'), true)).rejects.toThrow(
    'no configuration files found in directory',
  );
  await chmod(join(dir, 'bin/one'), 0o644);
  await expect(read(file('v1', provider('one')))).rejects.toThrow('error inspecting binary executable');
});
