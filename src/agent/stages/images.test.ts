import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseCommand } from '../../config/command.ts';
import { loadConfiguration } from '../../config/load.ts';
import { connectCri } from '../../cri/client.ts';
import { startFakeCri } from '../../cri/fake/fakeCri.ts';
import { Metrics } from '../../k8s/metrics/metrics.ts';
import { realClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { openImages } from './images.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

let rootDir: string;
beforeEach(() => {
  rootDir = mkdtempSync(join(tmpdir(), 'images-'));
});
afterEach(() => rmSync(rootDir, { recursive: true, force: true }));

async function open(stack: AsyncDisposableStack, ...args: string[]) {
  const command = parseCommand(['--fail-cgroupv1=false', ...args]);
  if (command.kind !== 'run') throw new Error(`${args.join(' ')} does not run the agent`);
  const metrics = new Metrics();
  const runtime = stack.use(await startFakeCri());
  const cri = stack.use(connectCri({ runtimeEndpoint: runtime.endpoint }));
  const base = { loaded: loadConfiguration(command.flags), clock: realClock, log: silentLogger, rootDir };
  const images = await openImages(
    { ...base, metrics: { metrics } } as unknown as Base,
    { cri } as unknown as Runtime,
    null,
    stack,
  );
  return { images, runtime, metrics };
}

const login = { username: 'u', password: 'p', source: { secret: { uid: 'u', namespace: 'a', name: 'cred' } } };
const image = 'reg.io/private:1';
const ensure = (images: Awaited<ReturnType<typeof open>>['images'], podUid: string, auths = [login]) =>
  images.manager.ensure({ podUid, image, policy: 'Never', auths });

test('images are their tenants’, on the disk, and in the metrics', async () => {
  await using stack = new AsyncDisposableStack();
  const { images, runtime, metrics } = await open(stack);
  runtime.images.onPull(image, { sizeBytes: 10 });
  await images.manager.ensure({ podUid: 'a', image, policy: 'IfNotPresent', auths: [login] });
  expect(await ensure(images, 'a2')).toMatchObject({ do: 'use' });
  expect(await ensure(images, 'b', [])).toMatchObject({ reason: 'ErrImageNeverPull' });
  await images.tidy();
  expect(readdirSync(join(rootDir, 'image_manager/pulled'))).toHaveLength(1);
  const text = await metrics.text();
  for (const line of [
    'kubelet_imagemanager_ondisk_pulledrecords 1',
    'kubelet_imagemanager_ondisk_pullintents 0',
    'kubelet_imagemanager_inmemory_pullintents_usage_percent 0',
    'kubelet_imagemanager_image_mustpull_checks_total{result="credentialRecordFound"} 1',
    'kubelet_imagemanager_image_mustpull_checks_total{result="mustAuthenticate"} 1',
    'kubelet_image_manager_ensure_image_requests_total{pull_policy="ifnotpresent",present_locally="false",pull_required="true"} 1',
    'kubelet_image_manager_ensure_image_requests_total{pull_policy="never",present_locally="true",pull_required="false"} 1',
  ]) {
    expect(text).toContain(line);
  }
});

test('the next process knows it; with the gate off nobody asks', async () => {
  for (const args of [[], ['--feature-gates=KubeletEnsureSecretPulledImages=false']]) {
    await using stack = new AsyncDisposableStack();
    const { images, runtime } = await open(stack, ...args);
    runtime.images.onPull(image, { sizeBytes: 10 });
    await images.manager.ensure({ podUid: 'a', image, policy: 'Always', auths: [login] });
    const outcome = await ensure(images, 'b', []);
    expect(outcome.do).toBe(args.length === 0 ? 'fail' : 'use');
  }
});

test('providers are asked for what no Secret gives; a configuration that is none ends the start', async () => {
  const bin = join(rootDir, 'bin');
  mkdirSync(bin);
  const version = 'credentialprovider.kubelet.k8s.io/v1';
  const answer = { apiVersion: version, kind: 'CredentialProviderResponse', cacheKeyType: 'Image' };
  const auth = { 'reg.io': { username: 'provided', password: 'p' } };
  writeFileSync(join(bin, 'helper'), `#!/bin/sh\necho '${JSON.stringify({ ...answer, auth })}'\n`);
  chmodSync(join(bin, 'helper'), 0o755);
  const provider = { name: 'helper', apiVersion: version, matchImages: ['reg.io'], defaultCacheDuration: '1m' };
  const file = join(rootDir, 'providers.json');
  const config = { apiVersion: 'kubelet.config.k8s.io/v1', kind: 'CredentialProviderConfig' };
  writeFileSync(file, JSON.stringify({ ...config, providers: [provider] }));
  const args = [`--image-credential-provider-config=${file}`, `--image-credential-provider-bin-dir=${bin}`];
  await using stack = new AsyncDisposableStack();
  const { images, runtime, metrics } = await open(stack, ...args);
  runtime.images.onPull(image, { sizeBytes: 10 });
  await images.manager.ensure({ podUid: 'a', image, policy: 'Always' });
  expect(runtime.callsTo('PullImage')[0]?.request).toMatchObject({ auth: { username: 'provided', password: 'p' } });
  const text = await metrics.text();
  expect(text).toContain('kubelet_credential_provider_plugin_duration_count{plugin_name="helper"} 1');
  expect(text).toMatch(/kubelet_credential_provider_config_info\{hash="sha256:[0-9a-f]{64}"\} 1/);

  writeFileSync(file, JSON.stringify({ ...config, providers: [] }));
  await expect(open(stack, ...args)).rejects.toThrow('at least 1 item in plugins is required');
});
