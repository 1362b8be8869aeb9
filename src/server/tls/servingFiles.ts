import { X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ServingCertificateSource } from '../../config/certificates/servingCertificate.ts';
import type { Clock } from '../../lib/clock.ts';
import { errorMessage, KubeletError } from '../../lib/errors.ts';
import { type KeyedCertificate, selfSigned } from './selfSigned.ts';

/** Where the serving certificate and its key lie. */
export interface ServingFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Asked instead of the files. */
  readonly source?: ServingCertificateSource;
}

export interface ServingOptions {
  readonly tlsCertFile: string;
  readonly tlsPrivateKeyFile: string;
  readonly certDir: string;
  readonly nodeName: string;
  readonly addresses: readonly string[];
  /** serverTLSBootstrap: the certificate comes from here and not from files. */
  readonly source?: ServingCertificateSource;
}

/** The configured files; without them a pair in --cert-dir, made when it is missing, unusable or about to expire. */
export async function servingFiles(options: ServingOptions, clock: Clock): Promise<ServingFiles> {
  const requested = join(options.certDir, 'kubelet-server-current.pem');
  if (options.source) return { certFile: requested, keyFile: requested, source: options.source };
  if (options.tlsCertFile && options.tlsPrivateKeyFile)
    return { certFile: options.tlsCertFile, keyFile: options.tlsPrivateKeyFile };
  const files = { certFile: join(options.certDir, 'kubelet.crt'), keyFile: join(options.certDir, 'kubelet.key') };
  if (await isUsable(files, clock.now().wall)) return files;
  const names = [options.nodeName, ...options.addresses];
  const now = clock.now().wall;
  const made = await selfSigned(`${options.nodeName}@${Math.floor(now / 1000)}`, names, now);
  try {
    await mkdir(options.certDir, { recursive: true, mode: 0o755 });
    await replace(files.keyFile, made.key, 0o600);
    await replace(files.certFile, made.cert, 0o644);
  } catch (cause) {
    throw new KubeletError(
      `the serving certificate cannot be written to ${dirname(files.certFile)}: ${errorMessage(cause)}; give --cert-dir a writable directory, or set tlsCertFile and tlsPrivateKeyFile`,
      { code: 'ServingCertificate', cause },
    );
  }
  return files;
}

/** Reads and checks a pair. Rejects with one sentence when it cannot serve. */
export async function readPair({ certFile, keyFile }: ServingFiles): Promise<KeyedCertificate> {
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (cause) {
    throw new KubeletError(
      `the serving certificate ${certFile} with ${keyFile} cannot be used: ${errorMessage(cause)}`,
      {
        code: 'ServingCertificate',
        cause,
      },
    );
  }
}

async function isUsable(files: ServingFiles, nowMs: number): Promise<boolean> {
  try {
    const { cert } = await readPair(files);
    return Date.parse(new X509Certificate(cert).validTo) > nowMs + 24 * 3_600_000;
  } catch {
    return false;
  }
}

async function replace(path: string, content: string, mode: number): Promise<void> {
  await writeFile(`${path}.new`, content, { mode });
  await rename(`${path}.new`, path);
}
