import { join } from 'node:path';
import { ImageManager } from '../../images/imageManager.ts';
import { ImageMetrics } from '../../images/imageMetrics.ts';
import { imageSpec } from '../../images/imageSpec.ts';
import { type NodeAuths, nodeAuths } from '../../images/nodeAuths.ts';
import type { ServiceAccounts } from '../../images/providers/provider.ts';
import { credentialProviders } from '../../images/providers/providers.ts';
import { readProviderConfigs } from '../../images/providers/readConfig.ts';
import { ImageAccess } from '../../images/records/imageAccess.ts';
import { PullRecords } from '../../images/records/pullRecords.ts';
import { recordFiles } from '../../images/records/recordFiles.ts';
import { verificationOf } from '../../images/rules/imageAccess.ts';
import { goSystemError } from '../../k8s/goText.ts';
import { KubeletError } from '../../lib/errors.ts';
import { pullLimits } from '../services.ts';
import type { ApiConnection } from './api.ts';
import type { Base } from './preflight.ts';
import type { Runtime } from './runtime.ts';

/** Images, with whose credentials they are pulled, and who may use them. */
export interface Images {
  readonly manager: ImageManager;
  /** Looks after the records of who pulled what; for a round that comes anyway. */
  tidy(): Promise<void>;
}

/** kubelet's longest token for a credential provider, and the API's default. */
const TOKEN_SECONDS = 3600;

/** Rejects with one sentence when the configuration of credential providers, or the directory of records, cannot be used. */
export async function openImages(
  base: Base,
  { cri }: Runtime,
  api: ApiConnection | null,
  stack: AsyncDisposableStack,
): Promise<Images> {
  const { loaded, clock, metrics } = base;
  const counts = new ImageMetrics(metrics.metrics);
  const access = loaded.gates.enabled('KubeletEnsureSecretPulledImages')
    ? await openAccess(base, cri, counts)
    : undefined;
  const manager = new ImageManager(cri, clock, {
    limits: pullLimits(loaded.config),
    nodeAuths: await openAuths(base, api, counts, stack),
    ...(access && { access }),
    onPulled: (seconds, bytes) => counts.pulled(seconds, bytes),
    onEnsured: (policy, isPresent, mustPull) => counts.ensured(policy, isPresent, mustPull),
  });
  return { manager, tidy: async () => access?.tidy() };
}

async function openAccess(base: Base, cri: Runtime['cri'], counts: ImageMetrics): Promise<ImageAccess> {
  const { loaded, rootDir, clock, log } = base;
  const { maxPods, maxParallelImagePulls = 0 } = loaded.config;
  const { imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: list } = loaded.config;
  const recordsMax = Math.max(1, Math.min(5 * maxPods, 2000));
  const intentsMax = Math.max(1, Math.min(Math.max(2 * maxPods, 2 * maxParallelImagePulls), 1024));
  const records = await openRecords(rootDir, recordsMax, base);
  counts.records(records, intentsMax, recordsMax);
  return new ImageAccess({
    records,
    verification: verificationOf(policy, list),
    find: async (image) => (await cri.imageStatus(imageSpec({ image }), false)).image?.id,
    list: async () => (await cri.listImages()).map(({ id }) => id),
    onResult: (result) => counts.checked(result),
    ...{ clock, log },
  });
}

async function openRecords(rootDir: string, cacheSize: number, { clock, log }: Base): Promise<PullRecords> {
  try {
    return await PullRecords.open({ files: await recordFiles(rootDir), cacheSize, clock, log });
  } catch (error) {
    const why = goSystemError('open', error);
    throw new KubeletError(`The records of pulled images in ${join(rootDir, 'image_manager')} cannot be used: ${why}`, {
      code: 'ImageRecords',
      cause: error,
    });
  }
}

/** The node's docker files, then its credential providers. */
async function openAuths(
  base: Base,
  api: ApiConnection | null,
  counts: ImageMetrics,
  stack: AsyncDisposableStack,
): Promise<NodeAuths> {
  const { loaded, rootDir, clock, log } = base;
  const { imageCredentialProviderConfig: path, imageCredentialProviderBinDir: binDir } = loaded.options;
  const files = nodeAuths(rootDir, clock, log);
  if (path === '' && binDir === '') return files;
  const allowsTokens = loaded.gates.enabled('KubeletServiceAccountTokenForCredentialProviders');
  const { providers, hash } = await readProviderConfigs(path, binDir, allowsTokens);
  counts.providers(hash);
  const ask = stack.use(
    credentialProviders({
      ...{ configs: providers, binDir, clock, log },
      accounts: serviceAccounts(api),
      onRun: (provider, seconds, failed) => counts.ran(provider, seconds, failed),
    }),
  );
  return async (repository, question) => [...(await files(repository)), ...(await ask(repository, question))];
}

function serviceAccounts(api: ApiConnection | null): ServiceAccounts {
  const standalone = async () => {
    throw new Error('cannot get ServiceAccounts when kubelet is in standalone mode');
  };
  if (!api) return { get: standalone, token: standalone };
  return {
    async get(namespace, name) {
      const { metadata } = await api.client.get('ServiceAccount', { namespace, name });
      return { uid: metadata?.uid ?? '', annotations: metadata?.annotations ?? {} };
    },
    async token({ namespace, name, uid, serviceAccount }, serviceAccountUid, audience) {
      const issued = await api.tokens.get({
        ...{ namespace, serviceAccount, serviceAccountUid, podName: name, podUid: uid },
        ...{ audiences: [audience], expirationSeconds: TOKEN_SECONDS },
      });
      return issued.token;
    },
  };
}
