import { parseDuration } from '../../k8s/duration.ts';
import { goQuote } from '../../k8s/goText.ts';
import { qualifiedNameErrors } from '../../k8s/nameValidation.ts';

/** How long credentials may be used again for a service account: as long as its token, or for all Pods of it. */
export type TokenCacheType = 'Token' | 'ServiceAccount';

/** Tokens of the Pods' service accounts for a provider (KEP-4412). */
export interface TokenAttributes {
  readonly audience: string;
  readonly cacheType: TokenCacheType;
  readonly requireServiceAccount: boolean;
  readonly requiredAnnotations: readonly string[];
  readonly optionalAnnotations: readonly string[];
}

/** One provider of a CredentialProviderConfig (KEP-2133), checked. */
export interface ProviderConfig {
  readonly name: string;
  readonly apiVersion: string;
  readonly matchImages: readonly string[];
  readonly defaultCacheMs: number;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly token?: TokenAttributes;
}

const GROUP = 'kubelet.config.k8s.io';
const REQUESTS = ['v1', 'v1alpha1', 'v1beta1'].map((version) => `credentialprovider.kubelet.k8s.io/${version}`);
const CACHE_TYPES = ['ServiceAccount', 'Token'];
const PROVIDER_FIELDS = ['name', 'matchImages', 'defaultCacheDuration', 'apiVersion', 'args', 'env'];
const TOKEN_FIELDS = [
  'serviceAccountTokenAudience',
  'cacheType',
  'requireServiceAccount',
  'requiredServiceAccountAnnotationKeys',
  'optionalServiceAccountAnnotationKeys',
];

type Raw = Readonly<Record<string, unknown>>;

/** A provider as a file has it: of the right types, not checked any further. */
export interface RawProvider {
  readonly name: string;
  readonly apiVersion: string;
  readonly matchImages: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Milliseconds. */
  readonly defaultCacheDuration: number | undefined;
  readonly tokenAttributes:
    | {
        readonly serviceAccountTokenAudience: string;
        readonly cacheType: string;
        readonly requireServiceAccount: boolean | undefined;
        readonly requiredServiceAccountAnnotationKeys: readonly string[];
        readonly optionalServiceAccountAnnotationKeys: readonly string[];
      }
    | undefined;
}

/** The providers of one file's document. Throws the end of a sentence: what is not understood is refused, as kubelet's strict decoder does. */
export function decodeProviders(value: unknown): RawProvider[] {
  const { apiVersion, kind, ...fields } = objectOf(value, 'the file');
  if (kind !== 'CredentialProviderConfig')
    throw new Error(`failed to decode ${goQuote(String(kind ?? ''))} (wrong Kind)`);
  const version = String(apiVersion ?? '').replace(`${GROUP}/`, '');
  if (!['v1', 'v1beta1', 'v1alpha1'].includes(version) || apiVersion !== `${GROUP}/${version}`) {
    throw new Error(
      `no kind "CredentialProviderConfig" is registered for version ${goQuote(String(apiVersion ?? ''))}`,
    );
  }
  strict(fields, ['providers'], '');
  return listOf(fields.providers, 'providers').map((one, i) => {
    const at = `providers[${i}]`;
    return decodeProvider(objectOf(one, at), at, version === 'v1');
  });
}

function decodeProvider(raw: Raw, at: string, hasTokens: boolean): RawProvider {
  strict(raw, hasTokens ? [...PROVIDER_FIELDS, 'tokenAttributes'] : PROVIDER_FIELDS, `${at}.`);
  const { tokenAttributes: token } = raw;
  return {
    name: textOf(raw.name, `${at}.name`),
    apiVersion: textOf(raw.apiVersion, `${at}.apiVersion`),
    matchImages: textsOf(raw.matchImages, `${at}.matchImages`),
    args: textsOf(raw.args, `${at}.args`),
    env: listOf(raw.env, `${at}.env`).map((one, i) => {
      const variable = objectOf(one, `${at}.env[${i}]`);
      strict(variable, ['name', 'value'], `${at}.env[${i}].`);
      return {
        name: textOf(variable.name, `${at}.env[${i}].name`),
        value: textOf(variable.value, `${at}.env[${i}].value`),
      };
    }),
    defaultCacheDuration: durationOf(raw.defaultCacheDuration, `${at}.defaultCacheDuration`),
    tokenAttributes: token === undefined || token === null ? undefined : decodeToken(token, `${at}.tokenAttributes`),
  };
}

function decodeToken(value: unknown, at: string): RawProvider['tokenAttributes'] {
  const raw = objectOf(value, at);
  strict(raw, TOKEN_FIELDS, `${at}.`);
  const { requireServiceAccount } = raw;
  if (!['undefined', 'boolean'].includes(typeof requireServiceAccount)) {
    throw new Error(`${at}.requireServiceAccount must be true or false`);
  }
  const texts = (name: string) => textsOf(raw[name], `${at}.${name}`);
  return {
    serviceAccountTokenAudience: textOf(raw.serviceAccountTokenAudience, `${at}.serviceAccountTokenAudience`),
    cacheType: textOf(raw.cacheType, `${at}.cacheType`),
    requireServiceAccount: requireServiceAccount as boolean | undefined,
    requiredServiceAccountAnnotationKeys: texts('requiredServiceAccountAnnotationKeys'),
    optionalServiceAccountAnnotationKeys: texts('optionalServiceAccountAnnotationKeys'),
  };
}

function objectOf(value: unknown, at: string): Raw {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Raw;
  throw new Error(`${at} must be a map`);
}

function listOf(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new Error(`${at} must be a list`);
}

function textsOf(value: unknown, at: string): readonly string[] {
  return listOf(value, at).map((one, i) => textOf(one, `${at}[${i}]`));
}

function textOf(value: unknown, at: string): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  throw new Error(`${at} must be a text`);
}

function durationOf(value: unknown, at: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms === undefined) throw new Error(`${at} must be a duration such as 10m`);
  return ms;
}

function strict(fields: Raw, known: readonly string[], at: string): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`strict decoding error: unknown field ${goQuote(at + unknown)}`);
}

/** What is wrong with the providers of all files, in kubelet's words; empty when nothing is. */
export function providerProblems(providers: readonly RawProvider[], allowsTokens: boolean): string[] {
  if (providers.length === 0) return ['providers: Required value: at least 1 item in plugins is required'];
  return providers.flatMap((provider) => [...plainProblems(provider), ...tokenProblems(provider, allowsTokens)]);
}

function plainProblems({ name, apiVersion, matchImages, defaultCacheDuration }: RawProvider): string[] {
  const problems: string[] = [];
  const badName = (what: string) =>
    problems.push(`providers.name: Invalid value: ${goQuote(name)}: provider name cannot ${what}`);
  if (name.includes('/')) badName("contain '/'");
  if (name.includes(' ')) badName('contain spaces');
  if (name === '.' || name === '..') badName(`be '${name}'`);
  if (apiVersion === '') problems.push('providers.apiVersion: Required value');
  else if (!REQUESTS.includes(apiVersion)) problems.push(unsupported('providers.apiVersion', apiVersion, REQUESTS));
  if (matchImages.length === 0) {
    problems.push('providers.matchImages: Required value: at least 1 item in matchImages is required');
  }
  for (const image of matchImages.filter((one) => !isLocation(one))) {
    problems.push(
      `providers.matchImages: Invalid value: ${goQuote(image)}: match image is invalid: it is no host with a port and a path`,
    );
  }
  if (defaultCacheDuration === undefined) problems.push('providers.defaultCacheDuration: Required value');
  else if (defaultCacheDuration < 0) {
    problems.push('providers.defaultCacheDuration: Invalid value: must be greater than or equal to 0');
  }
  return problems;
}

/** What Go parses as an URL behind `https://`. */
function isLocation(image: string): boolean {
  return /^(?:\[[0-9a-fA-F:.]+\]|[^\s/?#[\]:<>"^`{|}\\]*)(?::\d*)?(?:[/?#]\S*)?$/.test(image);
}

function tokenProblems({ tokenAttributes: token, apiVersion }: RawProvider, isAllowed: boolean): string[] {
  if (!token) return [];
  const at = 'providers.tokenAttributes';
  const problems: string[] = [];
  const [required, optional] = [token.requiredServiceAccountAnnotationKeys, token.optionalServiceAccountAnnotationKeys];
  if (!isAllowed) {
    problems.push(
      `${at}: Forbidden: tokenAttributes is not supported when KubeletServiceAccountTokenForCredentialProviders feature gate is disabled`,
    );
  }
  if (token.serviceAccountTokenAudience === '') problems.push(`${at}.serviceAccountTokenAudience: Required value`);
  if (token.requireServiceAccount === undefined) problems.push(`${at}.requireServiceAccount: Required value`);
  if (apiVersion !== REQUESTS[0]) {
    problems.push(`${at}: Forbidden: tokenAttributes is only supported for ${REQUESTS[0]} API version`);
  }
  if (token.requireServiceAccount === false && required.length > 0) {
    problems.push(
      `${at}.requiredServiceAccountAnnotationKeys: Forbidden: requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set`,
    );
  }
  problems.push(...keyProblems(`${at}.requiredServiceAccountAnnotationKeys`, required));
  problems.push(...keyProblems(`${at}.optionalServiceAccountAnnotationKeys`, optional));
  const both = required.filter((key) => optional.includes(key));
  if (both.length > 0) {
    const list = [...new Set(both)].sort().map(goQuote).join(',');
    problems.push(`${at}: Invalid value: [${list}]: annotation keys cannot be both required and optional`);
  }
  if (token.cacheType === '') {
    problems.push(
      `${at}.cacheType: Required value: cacheType is required to be set when tokenAttributes is specified. Supported values are: ${CACHE_TYPES.join(', ')}`,
    );
  } else if (!CACHE_TYPES.includes(token.cacheType)) {
    problems.push(unsupported(`${at}.cacheType`, token.cacheType, CACHE_TYPES));
  }
  return problems;
}

function keyProblems(at: string, keys: readonly string[]): string[] {
  return keys.flatMap((key, i) => [
    ...qualifiedNameErrors(key.toLowerCase()).map((text) => `${at}: Invalid value: ${goQuote(key)}: ${text}`),
    ...(keys.indexOf(key) < i ? [`${at}: Duplicate value: ${goQuote(key)}`] : []),
  ]);
}

function unsupported(at: string, value: string, supported: readonly string[]): string {
  return `${at}: Unsupported value: ${goQuote(value)}: supported values: ${supported.map(goQuote).join(', ')}`;
}

/** A provider without problems, in the program's form. */
export function checkedProvider(raw: RawProvider): ProviderConfig {
  const { name, apiVersion, matchImages, args, env, tokenAttributes: token } = raw;
  return {
    ...{ name, apiVersion, matchImages, args, env, defaultCacheMs: raw.defaultCacheDuration ?? 0 },
    ...(token && {
      token: {
        audience: token.serviceAccountTokenAudience,
        cacheType: token.cacheType as TokenCacheType,
        requireServiceAccount: token.requireServiceAccount === true,
        requiredAnnotations: token.requiredServiceAccountAnnotationKeys,
        optionalAnnotations: token.optionalServiceAccountAnnotationKeys,
      },
    }),
  };
}
