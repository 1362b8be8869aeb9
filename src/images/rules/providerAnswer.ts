import { parseDuration } from '../../k8s/duration.ts';
import { errorMessage } from '../../lib/errors.ts';
import { parseModestJson } from '../../lib/modestJson.ts';
import type { RegistryLogin } from '../types.ts';

/** For which images credentials of a provider may be used again. */
export type CacheKeyType = 'Image' | 'Registry' | 'Global';

/** What a provider answered: a CredentialProviderResponse. */
export interface ProviderAnswer {
  readonly cacheKeyType: CacheKeyType;
  /** undefined: as long as the configuration says; 0: not at all. */
  readonly cacheMs: number | undefined;
  /** By location, as in a docker configuration. */
  readonly logins: Readonly<Record<string, RegistryLogin>>;
}

/** An answer with more entries than anybody has registries is not read. */
const MAX_PARTS = 10_000;

const UNDECODABLE = 'error decoding credential provider plugin response from stdout';

/**
 * Reads what a provider printed. Throws kubelet's sentence, which never holds a word of the text: credentials are in it.
 * `apiVersion`: that of the request.
 */
export function decodeAnswer(text: string, apiVersion: string): ProviderAnswer {
  let value: unknown;
  try {
    value = parseModestJson(text, MAX_PARTS);
  } catch (error) {
    throw new Error(
      `error reading GVK from response: couldn't get version/kind; json parse error: ${errorMessage(error)}`,
    );
  }
  const fields = objectOf(value);
  const { apiVersion: actual = '', kind } = fields;
  if (actual !== apiVersion) {
    const shown = typeof actual === 'string' && /^[\w./-]{0,100}$/.test(actual) ? actual : '(unreadable)';
    throw new Error(
      `apiVersion from credential plugin response did not match expected apiVersion:${apiVersion}, actual apiVersion:${shown}`,
    );
  }
  if (kind !== 'CredentialProviderResponse') throw new Error(UNDECODABLE);
  strict(fields, ['apiVersion', 'kind', 'cacheKeyType', 'cacheDuration', 'auth']);
  const { cacheKeyType = '', cacheDuration, auth } = fields;
  if (cacheKeyType !== 'Image' && cacheKeyType !== 'Registry' && cacheKeyType !== 'Global') {
    const shown = typeof cacheKeyType === 'string' && /^\w{0,30}$/.test(cacheKeyType) ? cacheKeyType : '(unreadable)';
    throw new Error(`credential provider plugin did not return a valid cacheKeyType: ${shown}`);
  }
  const entries = auth === undefined || auth === null ? [] : Object.entries(objectOf(auth));
  return {
    cacheKeyType,
    cacheMs: durationOf(cacheDuration),
    logins: Object.fromEntries(entries.map(([location, one]) => [location, loginOf(objectOf(one))])),
  };
}

function loginOf(fields: Record<string, unknown>): RegistryLogin {
  strict(fields, ['username', 'password']);
  const { username = '', password = '' } = fields;
  if (typeof username !== 'string' || typeof password !== 'string') throw new Error(UNDECODABLE);
  return { username, password };
}

function durationOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) throw new Error(UNDECODABLE);
  return ms;
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(UNDECODABLE);
  return value as Record<string, unknown>;
}

function strict(fields: Record<string, unknown>, known: readonly string[]): void {
  if (Object.keys(fields).some((name) => !known.includes(name))) throw new Error(UNDECODABLE);
}
