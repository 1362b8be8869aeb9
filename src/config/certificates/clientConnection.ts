import { ApiClient } from '../../api/client.ts';
import type { ConnectionConfig } from '../../api/connection.ts';
import type { Metrics } from '../../k8s/metrics/metrics.ts';
import type { Clock } from '../../lib/clock.ts';
import { Listeners } from '../../lib/disposables.ts';
import { errorMessage, KubeletError, toError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { type KubeconfigSource, openKubeconfig } from '../credentials.ts';
import type { KubeconfigContent } from '../kubeconfig.ts';
import { bootstrapClient, clientStore, isStillValid, readBootstrap, writeClientKubeconfig } from './bootstrap.ts';
import { CertificateManager } from './certificateManager.ts';
import { measureCertificate } from './certificateMetrics.ts';
import { nodeSubject } from './certificateRequest.ts';
import { ExpiryGuard } from './expiryGuard.ts';
import type { KeyPair } from './keyPair.ts';
import { textOf } from './pairStore.ts';

export interface ClientConnectionOptions {
  readonly kubeconfig: string;
  /** Empty: there is none. */
  readonly bootstrapKubeconfig: string;
  readonly certDir: string;
  readonly nodeName: string;
  /** rotateCertificates. */
  readonly rotate: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** The client certificate has expired and cannot be renewed from inside: the process should end and start anew. */
  readonly onFatal: (error: Error) => void;
}

/**
 * The node's credentials for the API server, from kubeconfig, bootstrap kubeconfig and certificate directory as in kubelet:
 * without rotation a missing certificate is asked for before this resolves; with rotation that happens in the background, and
 * requests wait for it. Throws when a file is missing or wrong.
 */
export async function openClientConnection(options: ClientConnectionOptions): Promise<KubeconfigSource> {
  const { kubeconfig, bootstrapKubeconfig, rotate, clock, log } = options;
  if (!rotate) {
    const { signal } = new AbortController();
    if (bootstrapKubeconfig !== '') await bootstrapClient({ ...options, signal });
    return openKubeconfig(kubeconfig, clock);
  }
  if (bootstrapKubeconfig === '' || (await isStillValid(kubeconfig, clock, log))) {
    const source = await openKubeconfig(kubeconfig, clock);
    const { cert, key } = source.current();
    const initial = cert !== undefined && key !== undefined ? { initial: { cert, key } } : {};
    return RotatingConnection.open(options, source, source.current(), initial);
  }
  const content = await readBootstrap(bootstrapKubeconfig);
  await writeClientKubeconfig(kubeconfig, content, clientStore(options.certDir).currentPath);
  return RotatingConnection.open(options, undefined, clusterOf(content), {});
}

/** A request waits this long for the first certificate before it fails with the reason; callers give up after 30 s. */
const PATIENCE_MS = 20_000;

/** The cluster of the kubeconfig with the certificate of the manager. */
class RotatingConnection implements KubeconfigSource {
  readonly #options: ClientConnectionOptions;
  readonly #changes = new Listeners<[ConnectionConfig]>();
  readonly #problems = new Listeners<[Error]>();
  readonly #own = new DisposableStack();
  readonly #issued = Promise.withResolvers<void>();
  #manager!: CertificateManager;
  #source: KubeconfigSource | undefined;
  #cluster: ConnectionConfig;
  #current: ConnectionConfig;
  #asker: ApiClient | undefined;

  private constructor(options: ClientConnectionOptions, cluster: ConnectionConfig) {
    this.#options = options;
    this.#cluster = withoutCredentials(cluster);
    this.#current = this.#cluster;
  }

  static async open(
    options: ClientConnectionOptions,
    source: KubeconfigSource | undefined,
    cluster: ConnectionConfig,
    initial: { initial?: { cert: string; key: string } },
  ): Promise<RotatingConnection> {
    const connection = new RotatingConnection(options, cluster);
    const { clock, log, nodeName, certDir } = options;
    const manager = await CertificateManager.open({
      store: clientStore(certDir),
      signer: 'kubernetes.io/kube-apiserver-client-kubelet',
      clock,
      log,
      subject: () => nodeSubject(nodeName),
      client: (pair) => connection.#clientFor(pair),
      ...initial,
    });
    connection.#begin(manager, source);
    return connection;
  }

  current(): ConnectionConfig {
    return this.#current;
  }

  onChange(listener: (credentials: ConnectionConfig) => void): Disposable {
    return this.#changes.add(listener);
  }

  onProblem(listener: (error: Error) => void): Disposable {
    return this.#problems.add(listener);
  }

  [Symbol.dispose](): void {
    this.#own.dispose();
    this.#source?.[Symbol.dispose]();
    this.#asker?.[Symbol.asyncDispose]().catch(() => {});
  }

  #begin(manager: CertificateManager, source: KubeconfigSource | undefined): void {
    this.#manager = this.#own.use(manager);
    this.#current = this.#build();
    if (source) this.#follow(source);
    this.#own.use(manager.onChange(() => this.#renewed()));
    this.#own.use(new ExpiryGuard(manager, this.#options.clock, this.#options.onFatal));
    const { metrics, clock } = this.#options;
    if (metrics) measureCertificate(manager, 'client', metrics, clock);
    if (manager.current()) this.#issued.resolve();
    manager.start();
  }

  #renewed(): void {
    this.#emit();
    this.#issued.resolve();
    if (this.#source) return;
    // Only now do all the files exist that the kubeconfig refers to.
    openKubeconfig(this.#options.kubeconfig, this.#options.clock).then(
      (source) => (this.#own.disposed ? source[Symbol.dispose]() : this.#follow(source)),
      (error) => this.#problems.emit(toError(error)),
    );
  }

  #follow(source: KubeconfigSource): void {
    this.#source = source;
    this.#own.use(
      source.onChange((content) => {
        this.#cluster = withoutCredentials(content);
        this.#emit();
      }),
    );
    this.#own.use(source.onProblem((error) => this.#problems.emit(error)));
  }

  #emit(): void {
    const next = this.#build();
    if (same(this.#current, next)) return;
    this.#current = next;
    this.#changes.emit(next);
  }

  #build(): ConnectionConfig {
    const pair = this.#manager.current();
    if (pair) return { ...this.#cluster, cert: pair.cert, key: pair.key };
    return { ...this.#cluster, tokenProvider: () => this.#patience() };
  }

  /** Without a certificate nothing is sent: the server would only count a stranger's requests. */
  async #patience(): Promise<undefined> {
    let timer: Disposable | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = this.#options.clock.setTimer(PATIENCE_MS, () => {
        const why = this.#manager.problem() ?? 'it was asked for just now';
        const sentence = `the node has no client certificate yet: ${why}`;
        reject(new KubeletError(sentence, { code: 'NoClientCertificate' }));
      });
    });
    await Promise.race([this.#issued.promise, tooLong]).finally(() => timer?.[Symbol.dispose]());
  }

  /** Asks with the certificate, or with the bootstrap credentials: read anew, for whoever replaced them expects that. */
  async #clientFor(pair: KeyPair | undefined): Promise<ApiClient> {
    const config = pair ? { ...this.#cluster, cert: pair.cert, key: pair.key } : await otherCredentials(this.#options);
    if (this.#asker) this.#asker.transport.setConfig(config);
    else this.#asker = new ApiClient(config, { clock: this.#options.clock });
    return this.#asker;
  }
}

/** The bootstrap credentials; kubeadm removes their file after the join, and then what the kubeconfig has must do. */
async function otherCredentials({
  bootstrapKubeconfig,
  kubeconfig,
  clock,
}: ClientConnectionOptions): Promise<ConnectionConfig> {
  const hasBootstrap = bootstrapKubeconfig !== '' && (await textOf(bootstrapKubeconfig)) !== undefined;
  try {
    using source = await openKubeconfig(hasBootstrap ? bootstrapKubeconfig : kubeconfig, clock);
    return source.current();
  } catch (error) {
    throw new KubeletError(`no credentials to ask for a client certificate with: ${errorMessage(error)}`, {
      code: 'NoBootstrapCredentials',
      cause: error,
    });
  }
}

function clusterOf(content: KubeconfigContent): ConnectionConfig {
  return {
    server: content.server,
    ...(content.ca && { ca: content.ca }),
    ...(content.insecureSkipTlsVerify && { insecureSkipVerify: true }),
    ...(content.tlsServerName && { tlsServerName: content.tlsServerName }),
  };
}

function withoutCredentials(config: ConnectionConfig): ConnectionConfig {
  const { cert: _c, key: _k, token: _t, tokenFile: _f, tokenProvider: _p, ...cluster } = config;
  return cluster;
}

function same(a: ConnectionConfig, b: ConnectionConfig): boolean {
  const fields = ['server', 'ca', 'cert', 'key', 'insecureSkipVerify', 'tlsServerName'] as const;
  return fields.every((field) => a[field] === b[field]);
}
