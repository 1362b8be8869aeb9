import { execFile } from 'node:child_process';
import { KubeletError } from '../lib/errors.ts';

/** A credential plugin of a kubeconfig. */
export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly provideClusterInfo: boolean;
  readonly installHint?: string;
}

/** What a credential plugin gave. */
export interface ExecCredential {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Wall time in milliseconds after which it must be asked again; undefined: never by itself. */
  readonly expiresAt?: number;
}

/** What a plugin is told of the cluster when it asks for it. */
export interface ExecCluster {
  readonly server: string;
  readonly ca?: string;
  readonly insecureSkipTlsVerify: boolean;
  readonly tlsServerName?: string;
}

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT = 1 << 20;

/** Runs a credential plugin (client.authentication.k8s.io). Throws a sentence that never holds its standard output. */
export async function runExecPlugin(config: ExecConfig, cluster: ExecCluster): Promise<ExecCredential> {
  const spec = {
    interactive: false,
    ...(config.provideClusterInfo && {
      cluster: {
        server: cluster.server,
        ...(cluster.tlsServerName && { 'tls-server-name': cluster.tlsServerName }),
        ...(cluster.insecureSkipTlsVerify && { 'insecure-skip-tls-verify': true }),
        ...(cluster.ca && { 'certificate-authority-data': Buffer.from(cluster.ca).toString('base64') }),
      },
    }),
  };
  const info = JSON.stringify({ apiVersion: config.apiVersion, kind: 'ExecCredential', spec });
  return readCredential(config, await run(config, info));
}

function run(config: ExecConfig, info: string): Promise<string> {
  const env = { ...process.env, ...config.env, KUBERNETES_EXEC_INFO: info };
  return new Promise((resolve, reject) => {
    const options = { env, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT, encoding: 'utf8' } as const;
    const child = execFile(config.command, [...config.args], options, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') reject(failure(config, `was not found. ${config.installHint ?? ''}`.trim()));
      else if (error.killed) reject(failure(config, `did not answer within ${TIMEOUT_MS / 1000} s`));
      else reject(failure(config, `failed (${code ?? error.signal}): ${stderr.trim().split('\n').at(-1) ?? ''}`));
    });
    child.stdin?.end();
  });
}

function readCredential(config: ExecConfig, stdout: string): ExecCredential {
  let answer: { kind?: unknown; apiVersion?: unknown; status?: Record<string, unknown> };
  try {
    answer = JSON.parse(stdout);
  } catch {
    throw failure(config, 'did not print an ExecCredential in JSON');
  }
  if (answer?.kind !== 'ExecCredential' || answer.apiVersion !== config.apiVersion) {
    throw failure(config, `must print an ExecCredential of ${config.apiVersion}`);
  }
  const text = (name: string) => {
    const value = answer.status?.[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [token, cert, key, expires] = ['token', 'clientCertificateData', 'clientKeyData', 'expirationTimestamp'].map(
    text,
  );
  if ((cert === undefined) !== (key === undefined)) throw failure(config, 'gave a client certificate without its key');
  if (!token && !cert) throw failure(config, 'gave neither a token nor a client certificate');
  const expiresAt = expires === undefined ? Number.NaN : Date.parse(expires);
  return {
    ...(token && { token }),
    ...(cert && key && { cert, key }),
    ...(Number.isFinite(expiresAt) && { expiresAt }),
  };
}

function failure(config: ExecConfig, sentence: string): KubeletError {
  return new KubeletError(`The credential plugin ${config.command} ${sentence}`, {
    code: 'ExecPluginFailed',
  });
}
