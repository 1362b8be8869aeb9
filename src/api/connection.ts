import { readFile } from 'node:fs/promises';
import type { Clock } from '../lib/clock.ts';
import { KubeletError } from '../lib/errors.ts';

/** How to reach and greet an API server. Secrets in it must never be logged. */
export interface ConnectionConfig {
  /** `https://host:port`, with an optional path prefix. */
  readonly server: string;
  /** PEM bundle that the server's certificate must chain to; the system's when absent. */
  readonly ca?: string;
  /** Client certificate and key, PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** Bearer token: a value, a file that is read again each minute, or a function asked before each request. */
  readonly token?: string;
  readonly tokenFile?: string;
  readonly tokenProvider?: () => Promise<string | undefined>;
  readonly insecureSkipVerify?: boolean;
  readonly tlsServerName?: string;
}

/** client-go reads a token file again when its copy is a minute old. */
const TOKEN_FILE_TTL_MS = 60_000;

/** Returns the function that gives the `authorization` header for a request, or undefined where none is needed. */
export function authorizer(config: ConnectionConfig, clock: Clock): () => Promise<string | undefined> {
  const { token, tokenFile, tokenProvider } = config;
  const bearer = (value: string | undefined) => (value ? `Bearer ${value}` : undefined);
  if (tokenProvider) return async () => bearer(await tokenProvider());
  if (!tokenFile) return async () => bearer(token);
  let cached: { at: number; value: string } | undefined;
  return async () => {
    const now = clock.now().mono;
    if (cached && now - cached.at < TOKEN_FILE_TTL_MS) return bearer(cached.value);
    try {
      cached = { at: now, value: (await readFile(tokenFile, 'utf8')).trim() };
    } catch (cause) {
      // The last token may still be valid while the file is being replaced.
      if (!cached) {
        throw new KubeletError(`cannot read the bearer token file ${tokenFile}`, {
          code: 'TokenFile',
          cause,
        });
      }
    }
    return bearer(cached.value);
  };
}

/** The part of the config that a TLS handshake uses, in node:tls' words. */
export function tlsOptions(config: ConnectionConfig) {
  return {
    ...(config.ca === undefined ? null : { ca: config.ca }),
    ...(config.cert === undefined ? null : { cert: config.cert }),
    ...(config.key === undefined ? null : { key: config.key }),
    ...(config.tlsServerName === undefined ? null : { servername: config.tlsServerName }),
    rejectUnauthorized: config.insecureSkipVerify !== true,
  };
}
