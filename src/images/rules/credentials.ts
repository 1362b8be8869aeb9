import { parseModestJson } from '../../lib/modestJson.ts';
import type { Secret } from '../../types/k8s.ts';
import type { CredentialSource, RegistryLogin } from '../types.ts';

/** Logins by location: a registry host, with port and path where they matter; several for one location are tried in turn. */
export type Keyring = ReadonlyMap<string, readonly RegistryLogin[]>;

/** Entries of a Secret that count, and what a Secret is read for at all: a tenant writes it. */
const MAX_ENTRIES = 1000;
const MAX_PARTS = 10_000;
/** Logins that are tried for one image: each is a question to the registry, while a pull holds a place that others wait for. */
export const MAX_LOGINS = 30;

/** Docker Hub's old location, which `docker login` still writes. */
const HUB = 'index.docker.io';

/**
 * The keyring of a Pod's imagePullSecrets. Secrets of other types and unreadable entries are left out; `problems` names them
 * without their content.
 */
export function keyringOf(secrets: readonly Secret[]): {
  readonly keyring: Keyring;
  readonly problems: readonly string[];
} {
  const keyring = new Map<string, RegistryLogin[]>();
  const problems: string[] = [];
  for (const secret of secrets) {
    try {
      const { uid = '', namespace = '', name = '' } = secret.metadata ?? {};
      const entries = Object.entries(dockerConfigOf(secret));
      addAll(keyring, entries.slice(0, MAX_ENTRIES), { secret: { uid, namespace, name } });
      if (entries.length > MAX_ENTRIES)
        problems.push(`secret ${namespace}/${name} has more than ${MAX_ENTRIES} entries`);
    } catch {
      problems.push(
        `secret ${secret.metadata?.namespace}/${secret.metadata?.name} does not hold a valid docker config`,
      );
    }
  }
  return { keyring, problems };
}

/** The keyring of a docker `config.json` (`{"auths": …}`) as it lies on the node. Throws SyntaxError if it is not JSON. */
export function keyringOfConfigJson(text: string): Keyring {
  const keyring = new Map<string, RegistryLogin[]>();
  addAll(keyring, Object.entries(objectOf(objectOf(JSON.parse(text)).auths)));
  return keyring;
}

/** The keyring of a docker `.dockercfg` (the old form, without `auths`). Throws SyntaxError if it is not JSON. */
export function keyringOfDockercfg(text: string): Keyring {
  const keyring = new Map<string, RegistryLogin[]>();
  addAll(keyring, Object.entries(objectOf(JSON.parse(text))));
  return keyring;
}

function dockerConfigOf(secret: Secret): Record<string, unknown> {
  const read = (key: string) =>
    parseModestJson(Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8'), MAX_PARTS);
  if (secret.type === 'kubernetes.io/dockerconfigjson') return objectOf(objectOf(read('.dockerconfigjson')).auths);
  if (secret.type === 'kubernetes.io/dockercfg') return objectOf(read('.dockercfg'));
  return {};
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** Logins by location, all of one source. Locations that are none are left out. */
export function keyringOfLogins(logins: Readonly<Record<string, RegistryLogin>>): Keyring {
  const keyring = new Map<string, RegistryLogin[]>();
  for (const [location, login] of Object.entries(logins)) add(keyring, location, login);
  return keyring;
}

/** What of a keyring can be for a repository. */
export function narrowed(keyring: Keyring, repository: string): Keyring {
  const isFor = (location: string) => location === HUB || locationMatches(location, repository);
  return new Map([...keyring].filter(([location]) => isFor(location)));
}

/** One keyring of several; what is in an earlier one comes first at each location. */
export function unite(keyrings: readonly Keyring[]): Keyring {
  const all = new Map<string, RegistryLogin[]>();
  for (const keyring of keyrings)
    for (const [key, logins] of keyring) all.set(key, [...(all.get(key) ?? []), ...logins]);
  return all;
}

function add(keyring: Map<string, RegistryLogin[]>, location: string, login: RegistryLogin): void {
  const key = locationKey(location);
  if (key === undefined) return;
  const known = keyring.get(key);
  if (known) known.push(login);
  else keyring.set(key, [login]);
}

function addAll(
  keyring: Map<string, RegistryLogin[]>,
  config: readonly (readonly [location: string, entry: unknown])[],
  source?: CredentialSource,
): void {
  for (const [location, entry] of config) {
    const login = loginOf(objectOf(entry));
    if (login) add(keyring, location, source ? { ...login, source } : login);
  }
}

/** `auth` (base64 of user:password, padded or not) wins over the single fields, as in docker's own file. */
function loginOf({ username, password, auth, email }: Record<string, unknown>): RegistryLogin | undefined {
  const more = typeof email === 'string' && email !== '' ? { email } : {};
  if (typeof auth === 'string' && auth !== '') {
    const text = Buffer.from(auth.trim(), 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) return undefined;
    return { username: text.slice(0, colon), password: text.slice(colon + 1), ...more };
  }
  const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
  return { username: textOf(username), password: textOf(password), ...more };
}

/** `https://host/v1/` and `host/v2/path` name `host` and `host/path`. */
function locationKey(location: string): string | undefined {
  const match = /^(?:https?:\/\/)?(?:[^/?#@]*@)?([^/?#@]+)([^?#]*)/.exec(location);
  if (!match) return undefined;
  const path = match[2]!.replace(/^\/v[12](?=\/)/, '');
  return path === '' || path === '/' ? match[1] : match[1] + path;
}

/**
 * The credentials for an image's repository (`registry.example.com/team/app`), most specific location first. Locations may
 * have glob patterns in the parts of the host name; the path is a prefix; Docker Hub's images fall back to its old name.
 */
export function lookupAuth(keyring: Keyring, repository: string): RegistryLogin[] {
  const locations = [...keyring.keys()].sort().reverse();
  const found = locations.filter((location) => locationMatches(location, repository));
  const logins = found.flatMap((location) => keyring.get(location)!);
  if (logins.length === 0 && repository.startsWith('docker.io/')) logins.push(...(keyring.get(HUB) ?? []));
  return logins;
}

/** Whether a location (or a pattern of a credential provider) is one for the repository. */
export function locationMatches(location: string, repository: string): boolean {
  const [want, have] = [splitLocation(location), splitLocation(repository)];
  if (want.port !== have.port || want.parts.length !== have.parts.length) return false;
  return have.path.startsWith(want.path) && want.parts.every((glob, i) => globMatches(glob, have.parts[i]!));
}

function splitLocation(location: string): { parts: string[]; port: string; path: string } {
  const slash = location.indexOf('/');
  const host = slash < 0 ? location : location.slice(0, slash);
  const end = /:(\d*)$/.exec(host);
  const port = end?.[1] ?? '';
  const bare = end ? host.slice(0, end.index) : host;
  return { parts: bare.split('.'), port, path: slash < 0 ? '' : location.slice(slash) };
}

/** `*` and `?` inside one part of a host name; linear in the text, because the pattern is somebody else's. */
function globMatches(glob: string, text: string): boolean {
  let [g, t, star, mark] = [0, 0, -1, 0];
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++;
      mark = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++mark;
    } else return false;
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
