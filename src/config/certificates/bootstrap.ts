import { createPrivateKey, type KeyObject } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { ApiClient } from '../../api/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { sleep } from '../../lib/clock.ts';
import { errorMessage } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { openKubeconfig } from '../credentials.ts';
import { type KubeconfigContent, readKubeconfig } from '../kubeconfig.ts';
import { KubeconfigError } from '../kubeconfigFile.ts';
import { nodeSubject } from './certificateRequest.ts';
import { certificatesIn, keyIn, keyText, newKey } from './keyPair.ts';
import { PairStore, textOf, writeSecret } from './pairStore.ts';
import { requestCertificate } from './signing.ts';

export interface BootstrapOptions {
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig: string;
  readonly certDir: string;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const CLIENT = 'kubelet-client';
const TEMPORARY_KEY = 'kubelet-client.key.tmp';
const SERVER_TIMEOUT_MS = 60_000;
const ISSUE_TIMEOUT_MS = 3600_000;

/** The client certificate's files. */
export function clientStore(certDir: string, fallback?: { cert: string; key: string }): PairStore {
  return new PairStore(certDir, CLIENT, fallback);
}

/**
 * Whether the kubeconfig can be used as it is: it has a client certificate and none of its chain has expired. What is wrong is logged,
 * because it is about to be replaced. Throws when the file is there and cannot be read.
 */
export async function isStillValid(kubeconfig: string, clock: Clock, log: Logger): Promise<boolean> {
  if ((await textOf(kubeconfig)) === undefined) return false;
  const problem = await problemOf(kubeconfig, clock);
  if (problem) log.warn('the kubeconfig is replaced with the bootstrap credentials', { kubeconfig, problem });
  return problem === undefined;
}

async function problemOf(kubeconfig: string, clock: Clock): Promise<string | undefined> {
  try {
    const { cert } = await readKubeconfig(kubeconfig);
    const chain = cert === undefined ? [] : certificatesIn(cert);
    if (chain.length === 0) return 'it has no client certificate';
    const old = chain.find((each) => each.validToDate.getTime() <= clock.now().wall);
    return old && `its client certificate expired at ${old.validToDate.toISOString()}`;
  } catch (error) {
    return errorMessage(error);
  }
}

/** Writes the kubeconfig that refers to the certificate's link; the link need not be there yet. */
export async function writeClientKubeconfig(path: string, content: KubeconfigContent, pem: string): Promise<void> {
  const cluster = {
    ...(content.insecureSkipTlsVerify && { 'insecure-skip-tls-verify': true }),
    ...(content.ca && { 'certificate-authority-data': Buffer.from(content.ca).toString('base64') }),
    ...(content.tlsServerName && { 'tls-server-name': content.tlsServerName }),
    server: content.server,
  };
  const context = { cluster: 'default-cluster', namespace: 'default', user: 'default-auth' };
  const config = {
    apiVersion: 'v1',
    clusters: [{ name: 'default-cluster', cluster }],
    contexts: [{ name: 'default-context', context }],
    'current-context': 'default-context',
    kind: 'Config',
    users: [{ name: 'default-auth', user: { 'client-certificate': pem, 'client-key': pem } }],
  };
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  // The temporary name keeps readers from half a file.
  await writeSecret(`${path}.tmp`, stringify(config, { lineWidth: 0 }));
  await rename(`${path}.tmp`, path);
}

/**
 * Gets a client certificate with the bootstrap credentials, unless the kubeconfig has one, and writes the kubeconfig. The key is kept in
 * a file of its own until the certificate is there, so that an attempt after a restart finds its own request again.
 * Rejects when no certificate was issued within an hour.
 */
export async function bootstrapClient(options: BootstrapOptions): Promise<void> {
  const { kubeconfig, bootstrapKubeconfig, certDir, nodeName, clock, log, signal } = options;
  if (await isStillValid(kubeconfig, clock, log)) return;
  const content = await readBootstrap(bootstrapKubeconfig);
  using credentials = await openKubeconfig(bootstrapKubeconfig, clock);
  await using client = new ApiClient(credentials.current(), { clock });
  const store = clientStore(certDir);
  const temporary = join(certDir, TEMPORARY_KEY);
  const key = (await currentKey(store)) ?? (await temporaryKey(temporary));
  await serverThere(client, options);
  log.info('requesting a client certificate', { server: content.server, node: nodeName });
  const cert = await requestCertificate({
    client,
    clock,
    signer: 'kubernetes.io/kube-apiserver-client-kubelet',
    subject: nodeSubject(nodeName),
    key,
    reuse: true,
    timeoutMs: ISSUE_TIMEOUT_MS,
    signal,
    onRequested: (request) => log.info('waiting for the client certificate', { request }),
  });
  await store.update(cert, keyText(key), clock.now().wall);
  await rm(temporary, { force: true });
  await writeClientKubeconfig(kubeconfig, content, store.currentPath);
}

/** Reads the bootstrap kubeconfig. Throws one sentence that names the flag. */
export async function readBootstrap(path: string): Promise<KubeconfigContent> {
  try {
    return await readKubeconfig(path);
  } catch (error) {
    throw new KubeconfigError(
      `--bootstrap-kubeconfig: ${errorMessage(error)}; it is needed because --kubeconfig has no valid client certificate`,
      { code: 'InvalidKubeconfig', cause: error },
    );
  }
}

/** The key of a stored certificate, valid or not; a broken file is no obstacle here, because a new pair takes its place. */
async function currentKey(store: PairStore): Promise<KeyObject | undefined> {
  const pair = await store.current().catch(() => undefined);
  return pair && createPrivateKey(pair.key);
}

async function temporaryKey(path: string): Promise<KeyObject> {
  const found = keyIn((await textOf(path)) ?? '');
  if (found) return found;
  const key = await newKey();
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeSecret(path, keyText(key));
  return key;
}

/** Waits up to a minute for the API server to answer; after that the request itself says what is wrong. */
async function serverThere(client: ApiClient, { clock, log, signal }: BootstrapOptions): Promise<void> {
  const deadline = clock.now().mono + SERVER_TIMEOUT_MS;
  while (clock.now().mono < deadline) {
    try {
      await client.text('/healthz', { timeoutMs: 1000, signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      log.warn('the API server does not answer yet', { error: errorMessage(error) });
    }
    await sleep(clock, 2000 * (1 + 0.2 * Math.random()), signal);
  }
}
